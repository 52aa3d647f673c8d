import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { discardLayers } from '../harness/discard-layers.ts';
import { sample } from '../harness/sample.ts';
import {
  addNode,
  becomes,
  cluster,
  createNamespace,
  createPreload,
  deleteNamespaces,
  onNode,
  removeNode,
  status,
} from './support/commands.ts';
import { storeOf } from './support/node-store.ts';

const NAMESPACE = 'sources';
const IMAGES = ['shop/web:1.4', 'data/report:7', 'whiteouts:1', 'zstd:1', 'twice:1', 'empty-layer:1', 'docker:1'].map(
  sample,
);
const LOADER = [sample('node:26'), sample('pause:3.10')];
const CTR = ['ctr', '--namespace', 'k8s.io'];

const PULL = ['images', 'pull', '--platform', 'linux/amd64'];
const FETCH = ['content', 'fetch', '--platform', 'linux/amd64'];

const onStore = (node: string, ...args: string[]): Promise<string> => onNode(node, [...CTR, ...args]);

const bring = async (node: string, how: string[], images: readonly string[]): Promise<void> => {
  for (const image of images) await onStore(node, ...how, image);
};

const discard = (node: string): Promise<void> => discardLayers((...args) => onStore(node, ...args));

interface State {
  containerd: string;
  prepare: (node: string) => Promise<unknown>;
  /** what create says at its end */
  says: RegExp;
}

const STATES: Record<string, State> = {
  unpacked: {
    containerd: '1.6',
    prepare: (node) => bring(node, PULL, IMAGES),
    says: /captured in .*: \d+ layers copied$/m,
  },
  discarded: {
    containerd: '1.7',
    prepare: async (node) => {
      await bring(node, PULL, IMAGES);
      await discard(node);
    },
    says: /captured in .*: \d+ layers copied$/m,
  },
  blobs: {
    containerd: '2',
    prepare: (node) => bring(node, FETCH, IMAGES),
    says: /captured in .*: \d+ layers copied, \d+ layers unpacked$/m,
  },
  mixed: {
    containerd: '1.6',
    prepare: async (node) => {
      await bring(node, PULL, IMAGES.slice(0, 3));
      await discard(node);
      await bring(node, FETCH, IMAGES.slice(3));
    },
    says: /captured in .*: \d+ layers copied, \d+ layers? unpacked$/m,
  },
};

let expected = '';

before(async () => {
  await createNamespace(NAMESPACE);
  await createPreload(NAMESPACE, 'pulled', ['--node', 'worker', ...IMAGES]);
  expected = await contentsOf('pulled');
});

after(() => deleteNamespaces(NAMESPACE));

/** Digest of what is inside: layers by chain ID and names. */
const contentsOf = async (name: string): Promise<string> => {
  const { images, layers } = await status(NAMESPACE, name);
  return JSON.stringify({ images: images?.map(({ names, digest }) => [digest, names.sort()]).sort(), layers });
};

describe('each layer comes from its best source, without a registry, and the node stays as it is', () => {
  for (const [name, { containerd, prepare, says }] of Object.entries(STATES)) {
    test(name, async (t) => {
      t.after(() => removeNode(name));
      await addNode(name, containerd);
      await bring(name, PULL, LOADER);
      await prepare(name);
      t.after(() => cluster('registry', 'start'));
      // CRI labels names some time after they appear
      await becomes('', () => onStore(name, 'images', 'ls', '--quiet', 'labels."io.cri-containerd.image"!=managed'));
      const before = await storeOf((...args) => onStore(name, ...args));
      await cluster('registry', 'stop');
      const { stderr } = await createPreload(NAMESPACE, name, ['--node', name, ...IMAGES]);
      assert.match(stderr, says);
      assert.equal(await contentsOf(name), expected);
      assert.deepEqual(await storeOf((...args) => onStore(name, ...args)), before);
    });
  }
});
