import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { plain } from '../../../src/model/parse.ts';
import { differences } from '../../harness/differences.ts';
import { type LoopVolume, mountNewVolume } from '../../harness/loop-volume.ts';
import type { PrivateNode } from '../../harness/private-node.ts';
import { describeVolume } from '../../harness/sealed-volume.ts';
import { emptyStore, rootFilesystem } from '../restore/restored-node.ts';
import type { SmallImage } from '../restore/small-volume.ts';
import { pullThroughCri } from './ask-containerd.ts';
import { type Captured, captureAll, startCaptureNode } from './capture-node.ts';
import { honestImage, remoteImage } from './honest-image.ts';
import { HOSTILE, type HostileImage } from './hostile-images.ts';
import { image } from './image-parts.ts';
import { listNode } from './list-node.ts';
import { startTableRegistry } from './table-registry.ts';
import { watchNode } from './watch-node.ts';

const TOGETHER = 30; // images in one capture

const folder = await mkdtemp(join(tmpdir(), 'preload-hostile-'));
const registry = await startTableRegistry();
const serve = (name: string, content: Parameters<typeof registry.serve>[1]): string => {
  registry.serve(name, content);
  return `${registry.address}/${name}:1`;
};
/** One that the node has, and one that only the registry has. */
const restored: SmallImage = { name: serve('sample/honest', honestImage()), layers: [] };
const honest = [restored.name, serve('sample/remote', remoteImage())];
const token = Buffer.from('{"token":"worthless"}');
serve('token', { root: image('token').root, contents: [], lies: { 'blobs/token': (answer) => answer.end(token) } });

type Row = HostileImage & { title: string; name: string };
const rows = Object.entries(HOSTILE).map(([title, row], index): Row => {
  return { ...row, title, name: serve(`hostile/${index}`, row.answer) };
});

let node: PrivateNode;
/** what is sealed of the honest images alone */
let alone = '';
/** every file of the node */
let files = '';
/** what a container of the first of them sees */
let tree = '';
let volume: LoopVolume | undefined;

interface Attack extends Captured {
  /** what is sealed of the honest images */
  sealed: string;
  /** what has changed on the node, even if only for a moment */
  changes: string[];
}

const mountEmptyVolume = async (): Promise<LoopVolume> => {
  await volume?.remove();
  volume = await mountNewVolume(node, folder, 'volume', 256);
  return volume;
};

/** Captures these images beside the honest ones onto an empty volume, and watches the node meanwhile. */
const attack = async (names: readonly string[]): Promise<Attack> => {
  const target = await mountEmptyVolume();
  const { changes, end } = await watchNode(node, join(folder, 'root'));
  const captured = await captureAll(node, folder, target, honest, names);
  await end();
  // of the images that do no harm, a second capture leaves nothing
  const { code } = captured.images.size > honest.length ? await captureAll(node, folder, target, honest, []) : captured;
  const sealed = code === 0 ? await describeVolume(target.seen) : '';
  return { ...captured, sealed, changes };
};

before(async () => {
  node = await startCaptureNode(join(folder, 'root'), restored.name);
  const secrets = 'mkdir -p /etc/secrets/fs; echo secret >/etc/secrets/fs/file; cp -r /etc/secrets /var/lib/';
  assert.equal((await node.run(['sh', '-euc', secrets])).code, 0);
  await pullThroughCri(node, restored.name);
  tree = await rootFilesystem(node, restored);
  const { code, stderr, sealed } = await attack([]);
  assert.equal(code, 0, stderr);
  alone = sealed;
  files = await listNode(node);
});

after(async () => {
  for (const { stop } of [node, registry]) await stop();
  await rm(folder, { recursive: true });
});

const batches = (all: readonly Row[], size: number): Row[][] =>
  all.length === 0 ? [] : [all.slice(0, size), ...batches(all.slice(size), size)];

const quick = rows.filter(({ needs }) => !needs);
const patient = rows.filter(({ needs }) => needs === 'patience');
const single = rows.filter(({ needs }) => needs === 'a capture of its own');

const groups = [...batches(quick, TOGETHER), ...batches(patient, TOGETHER), ...batches(single, 1)];
for (const group of groups) {
  const others = group.length - 1;
  describe(`${group[0]?.title}${others > 0 ? `, and ${others} more` : ''}`, () => {
    let result: Attack;

    before(async () => {
      result = await attack(group.map(({ name }) => name));
    });

    for (const { title, name, reason } of group) {
      test(`${title} ${reason ? 'is skipped' : 'does no harm'}`, () => {
        const said = result.skipped.get(name);
        if (said === undefined) {
          assert.ok(result.images.has(name), `neither captured nor skipped: ${result.stderr}`);
          assert.ok(!reason, 'captured');
        } else {
          assert.match(said, reason ?? /./);
          assert.equal(plain(said), said);
        }
      });
    }

    test('the honest images are captured as if alone', () => {
      assert.equal(result.code, 0, result.stderr);
      assert.deepEqual(differences(result.sealed, alone), []);
    });

    test('nothing changes on the node', async () => {
      assert.deepEqual(result.changes, []);
      assert.deepEqual(differences(await listNode(node), files), []);
    });
  });
}

test('a volume with images that do no harm can be restored', async () => {
  const target = await mountEmptyVolume();
  const harmless = rows.filter(({ reason }) => !reason).map(({ name }) => name);
  const captured = await captureAll(node, folder, target, honest, harmless);
  assert.equal(captured.code, 0, captured.stderr);
  assert.ok(captured.images.size > honest.length);
  await emptyStore(node);
  const { code, stderr } = await node.run(['sh', join(target.path, 'restore.sh')]);
  assert.equal(code, 0, stderr);
  assert.equal(await rootFilesystem(node, restored), tree);
});
