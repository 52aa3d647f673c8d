import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blobPath } from '../../../src/model/oci.ts';
import { blobList, contentsFile, layerFolder, layerList, nameList } from '../../../src/volume/format.ts';
import { capturedImage, digest, layer } from '../../harness/captured-images.ts';

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(digest);
const pause = capturedImage({ names: ['r.io/pause:3'], digest: d ?? '', layers: [layer('c', 3)], sandbox: true });
const app = capturedImage({
  names: ['r.io/app:1', `r.io/app@${digest('0')}`],
  layers: [layer('a', 1), layer('b', 2)],
});
const empty = capturedImage({ names: ['r.io/empty:1'] });

test('paths on the volume', () => {
  assert.equal(layerFolder(digest('a')), `layers/${'a'.repeat(64)}/fs`);
  assert.equal(blobPath(digest('a')), `blobs/sha256/${'a'.repeat(64)}`);
});

test('restore/layers: parents first, copy for layers of the sandbox image', () => {
  assert.equal(
    layerList([app, pause, empty]),
    `${a} - 1 link
${c} - 1 copy
${b} ${a} 2 link
`,
  );
});

test('restore/names: the sandbox image first, a dash for images without layers', () => {
  assert.equal(
    nameList([empty, pause, app]),
    `r.io/pause:3 ${d} ${c}
r.io/app:1 ${digest('0')} ${b}
r.io/app@${digest('0')} ${digest('0')} ${b}
r.io/empty:1 ${digest('0')} -
`,
  );
});

test('restore/names: images of kube-system before the rest', () => {
  const dns = { ...capturedImage({ names: ['r.io/dns:1'] }), system: true };
  assert.deepEqual(nameList([app, dns, pause]).match(/[^/]+:\d(?= )/g), ['pause:3', 'dns:1', 'app:1']);
});

test('restore/blobs: the documents of each image, then its layers with their sizes', () => {
  const image = { ...app, manifest: digest('1'), config: digest('2'), blobs: true };
  const documents = [digest('0'), digest('1'), digest('2')].map((document) => `${digest('0')} ${document} -\n`);
  const layers = image.layers.map((layer) => `${digest('0')} ${layer.digest} ${layer.bytes}\n`);
  assert.equal(blobList([pause, image]), [...documents, ...layers].join(''));
});

test('the lists are empty without images', () => assert.equal(layerList([]) + nameList([]) + blobList([]), ''));

test('preload.json', () => {
  const contents = {
    set: '0123456789ab',
    version: '1.2.3',
    created: '2026-11-24T12:00:00.000Z',
    platform: 'linux/amd64',
    layout: 'layers' as const,
    uuid: '0aa1c3f2-0000-4000-8000-000000000000',
    images: [empty],
  };
  assert.equal(
    contentsFile(contents, { 'restore/layers': c ?? '' }),
    `{
  "format": 1,
  "set": "0123456789ab",
  "version": "1.2.3",
  "created": "2026-11-24T12:00:00.000Z",
  "platform": "linux/amd64",
  "layout": "layers",
  "snapshotter": "overlayfs",
  "uuid": "0aa1c3f2-0000-4000-8000-000000000000",
  "checksums": {
    "restore/layers": "${c}"
  },
  "images": [
    {
      "names": [
        "r.io/empty:1"
      ],
      "digest": "${digest('0')}",
      "manifest": "${digest('0')}",
      "config": "${digest('1')}",
      "layers": [],
      "sandbox": false,
      "system": false,
      "blobs": false
    }
  ],
  "complete": true
}
`,
  );
});

test('preload.json: what made the seed, for restore.sh to read line by line', () => {
  const contents = {
    set: '0123456789ab',
    version: '1.2.3',
    created: '2026-11-24T12:00:00.000Z',
    platform: 'linux/amd64',
    layout: 'layers' as const,
    uuid: null,
    images: [],
  };
  const text = contentsFile(contents, {}, {}, { containerd: '2.4.2', schema: 4 });
  assert.match(text, /^ {2}"seedContainerd": "2\.4\.2",\n {2}"seedSchema": 4,$/m);
});
