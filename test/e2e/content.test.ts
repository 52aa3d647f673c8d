import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { entriesFor, indexEntries } from '../../src/model/oci.ts';
import { parseLowerDirectories } from '../../src/node/containerd.ts';
import { differences } from '../harness/differences.ts';
import { sample, sampleManifest } from '../harness/sample.ts';
import {
  addNode,
  createNamespace,
  createPreload,
  deleteNamespaces,
  onNode,
  removeNode,
  status,
} from './support/commands.ts';

const NAMESPACE = 'content';
const FILE_TREE = await readFile(join(import.meta.dirname, '../harness/file-tree.sh'), 'utf8');
const IMAGES = ['whiteouts', 'deep', 'zstd', 'twice', 'empty-layer', 'docker', 'index', 'uncompressed'];
const PLAIN = 'plain';

/** An image in one of the namespaces of a node's containerd; these share nothing. */
interface StoredImage {
  node: string;
  namespace: string;
  reference: string;
}

let snapshot = '';

before(async () => {
  await createNamespace(NAMESPACE);
  await createPreload(
    NAMESPACE,
    'odd',
    IMAGES.map((image) => sample(`${image}:1`)),
  );
  snapshot = (await status(NAMESPACE, 'odd')).snapshotId ?? '';
});

after(() => deleteNamespaces(NAMESPACE));

for (const containerd of ['1.6', '2']) {
  test(`containerd ${containerd}: linked images have the same files as pulled ones`, async (t) => {
    const node = `content-${containerd.replace('.', '-')}`;
    t.after(() => removeNode(node));
    const { stderr } = await addNode(node, containerd, snapshot);
    assert.match(stderr, /9 of 9 images present/, 'these and pause');
    for (const image of IMAGES) {
      const linked: StoredImage = { node, namespace: 'k8s.io', reference: sample(`${image}:1`) };
      const pulled = await pull(node, image);
      const top = await topLayer(linked);
      assert.deepEqual(differences(await layers(linked, top), await layers(pulled, top)), [], image);
      assert.deepEqual(differences(await rootFilesystem(linked), await rootFilesystem(pulled)), [], image);
    }
  });
}

test('the comparison detects whiteouts, capabilities, owners, devices and hard links', async (t) => {
  const node = 'worker';
  const [whiteouts, docker] = [await pull(node, 'whiteouts'), await pull(node, 'docker')];
  const names = [whiteouts.reference, docker.reference];
  t.after(() => onNode(node, ['ctr', '--namespace', PLAIN, 'images', 'rm', '--sync', ...names]));
  const root = await rootFilesystem(whiteouts);
  for (const [what, pattern] of Object.entries({
    'a file capability': /^# file: odd\/capable\nsecurity\.capability=0x0100000200240000/m,
    'a setuid file': /^\.\/odd\/setuid: f 04755 0:0 7 /m,
    'a high owner ID': /^\.\/odd\/far-owner: f 0644 2000000001:4000000002 /m,
    'a device': /^\.\/odd\/null: character special file 1:3 /m,
    'hard links': /^\.\/odd\/sticky\/link-3 = \.\/odd\/link-1$/m,
    'the new contents of an opaque folder': /^\.\/data\/replaced\/new: /m,
  })) {
    assert.match(root, pattern, what);
  }
  assert.doesNotMatch(root, /data\/(removed|replaced\/old|nested\/deep\/removed)/);
  assert.notDeepEqual(differences(root, await rootFilesystem(docker)), []);
});

/** Pulls an image as containerd does, beside the linked one. */
const pull = async (node: string, image: string): Promise<StoredImage> => {
  const target = await sampleManifest(`${image}:1`);
  const reference = `${sample(image)}@${entriesFor(indexEntries(target) ?? [], 'linux/amd64')[0]?.digest ?? target.digest}`;
  const flags = ['--plain-http', '--platform', 'linux/amd64'];
  await onNode(node, ['ctr', '--namespace', PLAIN, 'images', 'pull', ...flags, reference]);
  return { node, namespace: PLAIN, reference };
};

/** Chain ID of the uppermost layer of an image of the snapshot. */
const topLayer = async ({ node, reference }: StoredImage): Promise<string> => {
  const names = (await onNode(node, ['cat', '/preload/restore/names'])).split('\n').map((line) => line.split(' '));
  return names.find(([name]) => name === reference)?.[2] ?? '';
};

/** The layers below and with the layer `top`, each as overlayfs has it on disk. */
const layers = async ({ node, namespace }: StoredImage, top: string): Promise<string> => {
  const snapshots = ['ctr', '--namespace', namespace, 'snapshots'];
  const mount = await onNode(node, [...snapshots, 'prepare', '--target', '/', 'layers', top]);
  await onNode(node, [...snapshots, 'rm', 'layers']);
  const folders = parseLowerDirectories(mount);
  assert.ok(folders.length > 1, mount);
  return onNode(node, ['sh', '-c', FILE_TREE, 'sh', ...folders]);
};

/** The files that a container of the image would see. */
const rootFilesystem = async ({ node, namespace, reference }: StoredImage): Promise<string> => {
  // a separate mount point for each, because containerd 2 forgets one only some time after its unmount
  const script = `root=$(mktemp -d); ctr -n "$1" images mount "$2" "$root" >&2
    sh -c "$3" sh "$root"; ctr -n "$1" images unmount --rm "$root" >&2; rmdir "$root"`;
  return onNode(node, ['sh', '-euc', script, 'sh', namespace, reference, FILE_TREE]);
};
