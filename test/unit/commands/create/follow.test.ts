import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QUIET } from '../../../../src/cli/progress.ts';
import { describeOutcome, describeSources, followCapture } from '../../../../src/commands/create/follow.ts';
import { step } from '../../../../src/commands/step.ts';
import type { ExportEvent } from '../../../../src/model/events.ts';
import type { LayerSource } from '../../../../src/model/image.ts';
import { recordImages } from '../../../../src/model/record.ts';
import { layerList, nameList, setOf } from '../../../../src/volume/format.ts';
import { capturedImage, layer } from '../../../harness/captured-images.ts';

const image = capturedImage({ layers: [layer('a', 2048)] });
const contents = {
  set: setOf(layerList([image]), nameList([image])),
  version: '1',
  created: '2026-11-24T12:00:00Z',
  platform: 'linux/amd64',
  layout: 'layers' as const,
  uuid: null,
};
const plan = {
  images: 2,
  layers: { volume: 0, node: 1, blob: 0, registry: 1 },
  pullBytes: 2048,
  blobBytes: 0,
  copyBytes: 2048,
  neededBytes: 9999,
  neededInodes: 99,
};
const unnamed = [{ name: 'what?', reason: 'not an image reference' }];
const recorded: ExportEvent = { type: 'recorded', lists: { ...recordImages([image]), skipped: [] } };
const sealed: ExportEvent = { type: 'sealed', contents, layers: 1, usedBytes: 9, readOnly: true };

/** Follows `events`, a second apart, and returns the result and the printed lines. */
const follow = async (...events: (ExportEvent & { seq?: number })[]) => {
  const said: string[] = [];
  let now = 0;
  const say = (symbol: string) => (text: string) => {
    said.push(`${symbol} ${text}`);
  };
  const progress = {
    start: say('•'),
    update: say('…'),
    done: say('✓'),
    fail: say('✗'),
    report: (result: string, text: string) => say(result)(text),
    warn: say('!'),
    note: say(''),
    error: say('error:'),
  };
  const arriving = async function* () {
    for (const [index, event] of events.entries()) {
      now += 1000;
      yield { seq: index + 1, ...event };
    }
  };
  const context = { progress, now: () => now };
  const capture = await step(context, {
    title: 'Resolving images',
    do: () => followCapture(arriving(), { node: 'worker', skipped: unnamed }, context),
    done: (outcome) => (outcome ? describeOutcome(outcome, now) : ''),
  });
  return { capture, said };
};

test('a complete capture', async () => {
  const lists = [
    { name: 'r.io/b:1', reason: 'not found' },
    { name: 'r.io/c:1', reason: 'denied' },
  ];
  const { capture, said } = await follow(
    { type: 'plan', plan },
    { type: 'progress', images: { done: 1, total: 2 }, bytes: { done: 1024, total: 4096 } },
    { type: 'warning', message: 'r.io rejected pull secret a/b' },
    { type: 'skipped', name: 'r.io/b:1', reason: 'not found', usedBy: 'pod/x/y' },
    { type: 'skipped', name: 'r.io/c:1', reason: 'denied' },
    { type: 'image', image },
    { type: 'recorded', lists: { ...recordImages([image]), skipped: lists } },
    sealed,
  );
  const skipped = [...unnamed, ...lists];
  assert.deepEqual(capture, {
    images: [image],
    record: { ...contents, ...recordImages([image]), node: 'worker', layers: 1, usedBytes: 9, skipped },
    readOnly: true,
  });
  assert.deepEqual(said, [
    '• Resolving images',
    '• Capturing 2 images · 4Ki',
    '… Capturing 1/2 images · 1Ki/4Ki · 512/s · 6s left',
    '! r.io rejected pull secret a/b',
    '! skipped r.io/b:1 (used by pod/x/y): not found',
    '! skipped r.io/c:1: denied',
    '✓ 1 image captured in 8s, 3 skipped: 1 layer pulled (2Ki)',
  ]);
});

test('reports of images that were lost are in the last ones', async () => {
  const { capture, said } = await follow({ ...recorded, seq: 4 }, { ...sealed, seq: 5 });
  assert.ok(said.includes('! lost 3 reports of the loader, so warnings may be missing here'));
  assert.partialDeepStrictEqual(capture, { images: [], record: recordImages([image]) });
  assert.ok(!JSON.stringify(capture).includes('incomplete'));
});

test('last reports that were lost arrive again', async () => {
  const { capture } = await follow(sealed, recorded, sealed);
  assert.partialDeepStrictEqual(capture, { record: recordImages([image]) });
  assert.ok(!JSON.stringify(capture).includes('incomplete'));
});

test('if the last reports do not arrive, the record has what was reported before', async () => {
  const { capture, said } = await follow({ type: 'image', image }, { ...sealed, seq: 3 });
  assert.ok(said.includes('! lost 1 report of the loader, so warnings may be missing here'));
  assert.partialDeepStrictEqual(capture, { record: recordImages([image]) });
  assert.ok(!JSON.stringify(capture).includes('incomplete'));

  const part = await follow({ ...sealed, seq: 3 });
  assert.ok(part.said.includes('! lost 2 reports of the loader, so status does not list all images on the volume'));
  assert.partialDeepStrictEqual(part.capture, { record: { ...recordImages([]), incomplete: true } });
});

test('a capture that says why it failed', async () => {
  await assert.rejects(follow({ type: 'failed', message: 'the volume is full', hint: 'a larger --size' }), {
    message: 'capture failed: the volume is full',
    hint: 'a larger --size',
  });
});

test('a volume that is too small', async () => {
  assert.deepEqual(
    (await follow({ type: 'plan', plan }, { type: 'too-small', size: 10_000, largest: ['app (9Ki)'] })).capture,
    {
      size: 10_000,
      largest: ['app (9Ki)'],
    },
  );
});

test('a capture that ends without a result', async () => {
  assert.equal((await follow({ type: 'image', image })).capture, undefined);
});

test('counts each layer once, by its source', () => {
  const from = (character: string, source: LayerSource) => ({ ...layer(character, 1024), source });
  const [kept, copied, unpacked] = [from('a', 'volume'), from('b', 'node'), from('c', 'blob')];
  const pulled = [from('d', 'registry'), from('e', 'registry')];
  const images = [capturedImage({ layers: [kept, copied, ...pulled] }), capturedImage({ layers: [kept, unpacked] })];
  const text = '1 layer kept, 1 layer copied, 1 layer unpacked, 2 layers pulled (2Ki)';
  assert.equal(describeSources(images, 'layers'), text);
  const withBlobs = images.map((each) => ({ ...each, blobs: true }));
  assert.equal(describeSources(withBlobs, 'layers,blobs'), `${text}, blobs kept (5Ki)`);
  assert.equal(describeSources([capturedImage({ layers: [unpacked] })], 'blobs'), '1 layer copied');
});

test('the record says what was left out on purpose', async () => {
  const events = async function* () {
    for (const [index, event] of [recorded, sealed].entries()) yield { seq: index + 1, ...event };
  };

  const progress = QUIET;
  const capture = { node: 'worker', skipped: [], exclude: ['r.io/debug'] };
  const found = await followCapture(events(), capture, { progress, now: () => 0 });
  assert.ok(found && 'record' in found);
  assert.deepEqual(found.record.exclude, ['r.io/debug']);
});
