import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { VOLUME_CONTENTS } from '../../../src/model/contents.ts';
import { decodeEvent, encodeEvent, type NumberedEvent } from '../../../src/model/events.ts';
import { parseImage, printImage } from '../../../src/model/image-reference.ts';
import { blobPath, chainIds, entriesFor, indexEntries, parseDocument, parseManifest } from '../../../src/model/oci.ts';
import { parse, plain } from '../../../src/model/parse.ts';
import { PRELOAD_RECORD } from '../../../src/model/record.ts';
import { type CaptureRequest, parseRequest, printRequest } from '../../../src/model/request.ts';
import { SAVED_RUN } from '../../../src/model/saved-run.ts';
import { layerFolder } from '../../../src/volume/format.ts';
import { defaultRequest, requested } from '../../harness/capture-request.ts';
import { capturedImage, digest, layer } from '../../harness/captured-images.ts';
import { fuzz, RUNS } from '../../harness/fuzz.ts';
import { mutate, mutation } from '../../harness/mutations.ts';
import { PLAIN_POD } from '../../harness/pod-settings.ts';

const descriptor = {
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
  digest: digest('a'),
  size: 7,
  annotations: { 'a.b/c': 'd' },
};
const platform = { os: 'linux', architecture: 'amd64' };
const images = [
  capturedImage({
    layers: [layer('a', 7), layer('b', 9)],
    names: ['docker.io/library/app:1', `r.io/app@${digest('1')}`],
  }),
];
const contents = {
  ...{ format: 1, set: '0123456789ab', version: '1.2.3', created: '2026-11-24T12:00:00Z', platform: 'linux/amd64' },
  ...{ layout: 'layers', snapshotter: 'overlayfs', uuid: null, checksums: { 'restore/names': digest('c') }, images },
};
const document = (json: unknown) => parseDocument(Buffer.from(JSON.stringify(json)));
const request: CaptureRequest = { ...defaultRequest, images: [requested('r.io/app:1', { usedBy: 'pod/a/b' })] };
const event: NumberedEvent = { type: 'progress', images: { done: 1, total: 2 }, bytes: { done: 3, total: 4 }, seq: 5 };

/** Digests that a parser returned may become paths, but none outside. */
const staysInside = (digests: readonly string[]): void => {
  for (const one of digests) {
    assert.match(blobPath(one), /^blobs\/sha256\/[0-9a-f]{64}$/);
    assert.match(layerFolder(one), /^layers\/[0-9a-f]{64}\/fs$/);
  }
};

interface Parser {
  /** a valid document */
  valid: unknown;
  /** checks what it returns */
  parse: (json: unknown) => void;
}

const parsers: Record<string, Parser> = {
  'a manifest': {
    valid: {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: { ...descriptor, mediaType: 'application/vnd.oci.image.config.v1+json' },
      layers: [descriptor, descriptor],
      annotations: {},
    },
    parse: (json) => {
      const { config, layers } = parseManifest(document(json));
      staysInside([config, ...layers].map((one) => one.digest));
      for (const { size } of [config, ...layers]) assert.ok(Number.isSafeInteger(size) && size >= 0);
    },
  },
  'an index': {
    valid: {
      schemaVersion: 2,
      manifests: [
        { ...descriptor, platform },
        { ...descriptor, platform: { ...platform, os: 'plan9' } },
      ],
    },
    parse: (json) =>
      staysInside(entriesFor(indexEntries(document(json)) ?? [], 'linux/amd64').map((entry) => entry.digest)),
  },
  'a configuration': {
    valid: {
      ...platform,
      created: 'x',
      config: { Env: ['A=b'], Cmd: ['c'] },
      rootfs: { type: 'layers', diff_ids: [digest('a'), digest('b')] },
    },
    parse: (json) => staysInside(chainIds(document(json))),
  },
  'preload.json': {
    valid: { ...contents, complete: true, extra: { a: [1, 2, 3], b: 'c' } },
    parse: (json) => {
      const { images } = parse(VOLUME_CONTENTS, json);
      staysInside(images.flatMap((image) => [image.digest, ...image.layers.map(({ chainId }) => chainId)]));
      for (const name of images.flatMap(({ names }) => names)) assert.equal(plain(name), name);
    },
  },
  'a record': {
    valid: {
      ...contents,
      node: 'worker',
      layers: 2,
      usedBytes: 9,
      skipped: [{ name: 'r.io/b:1', reason: 'not found' }],
    },
    parse: (json) => {
      const { node, images } = parse(PRELOAD_RECORD, json);
      assert.equal(plain(node), node);
      staysInside(images.map((image) => image.digest));
    },
  },
  'a run': {
    valid: {
      settings: {
        ...{ name: 'web', namespace: 'images', version: '1.2.3', size: '10Gi', platform: 'linux/amd64', deadline: 60 },
        ...{ pod: PLAIN_POD, pullSecrets: ['preload-web'], node: 'worker' },
      },
      ...{ base: { size: 1, used: 1 }, volume: 'planned', logins: ['team/login'], keep: false },
      skipped: [{ name: 'r.io/b:1', reason: 'not found' }],
    },
    parse: (json) => {
      const run = parse(SAVED_RUN, json);
      assert.deepEqual(parse(SAVED_RUN, JSON.parse(JSON.stringify(run))), run);
      assert.equal(plain(run.settings.pod.image), run.settings.pod.image);
    },
  },
  'a request': {
    valid: JSON.parse(printRequest(request)),
    parse: (json) => {
      const parsed = parseRequest(JSON.stringify(json));
      assert.deepEqual(parseRequest(printRequest(parsed)), parsed);
    },
  },
};

describe('whatever a stranger changes in a valid document, it is accepted in order or rejected with our own error', () => {
  for (const [name, { valid, parse }] of Object.entries(parsers)) {
    test(name, (t) => fuzz(t, valid, parse));
  }
});

test('events survive encoding, and no line of a log is an error', () => {
  assert.deepEqual(decodeEvent(encodeEvent(event)), event);
  const lines = fc.array(mutation, { maxLength: 3 }).map((mutations) => JSON.stringify(mutate(event, mutations)));
  fc.assert(
    fc.property(fc.oneof(lines, fc.string()), (line) => {
      const decoded = decodeEvent(line);
      if (decoded) assert.deepEqual(decodeEvent(encodeEvent(decoded)), decoded);
    }),
    { numRuns: RUNS },
  );
});

test('an image reference survives printing', () => {
  const parts = [
    'nginx',
    'library',
    'docker.io',
    'localhost:5000',
    'A',
    ':1',
    `@${digest('a')}`,
    '/',
    '..',
    '-',
    '_',
    '.',
    '[::1]',
  ];
  const texts = fc.array(fc.oneof(fc.constantFrom(...parts), fc.string({ maxLength: 3 })), { maxLength: 6 });
  fc.assert(
    fc.property(
      texts.map((words) => words.join('')),
      (text) => {
        const image = parseImage(text);
        if (image) assert.deepEqual(parseImage(printImage(image)), image);
      },
    ),
    { numRuns: RUNS },
  );
});
