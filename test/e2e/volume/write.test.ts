import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import type { Contents } from '../../../src/model/contents.ts';
import { digestOf, parseDocument } from '../../../src/model/oci.ts';
import { firstFiles } from '../../../src/volume/first-files.ts';
import { blobList } from '../../../src/volume/format.ts';
import { restoreScript } from '../../../src/volume/restore/script.ts';
import { writeVolume } from '../../../src/volume/write.ts';
import { ensurePackages } from '../../cluster/machine/apt.ts';
import { capturedImage, digest, layer } from '../../harness/captured-images.ts';
import { assertChecksums } from '../../harness/sealed-volume.ts';

const run = promisify(execFile);
const volume = await mkdtemp(join(tmpdir(), 'preload-volume-'));
const read = (path: string): Promise<string> => readFile(join(volume, path), 'utf8');

const json = (document: unknown) => parseDocument(Buffer.from(JSON.stringify(document)));
const config = json({ os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [digest('a')] } });
const manifest = json({
  schemaVersion: 2,
  config: {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    digest: config.digest,
    size: config.data.length,
  },
  layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: digest('b'), size: 7 }],
});
const mediaType = 'application/vnd.oci.image.manifest.v1+json';
const index = json({
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.index.v1+json',
  manifests: [
    {
      mediaType,
      digest: manifest.digest,
      size: manifest.data.length,
      platform: { os: 'linux', architecture: 'amd64' },
    },
  ],
});

const documents = { manifest: manifest.digest, config: config.digest, layers: [layer('a', 7)] };
const names = ['registry.example.com:5000/team/app:1', `registry.example.com:5000/team/app@${index.digest}`];
const images = [
  capturedImage({ names, digest: index.digest, ...documents }),
  capturedImage({ names: ['docker.io/library/app:1'], digest: manifest.digest, ...documents }),
];
const parts = {
  captured: [
    { names, target: index, documents: [index, manifest], config },
    { names: ['docker.io/library/app:1'], target: manifest, documents: [manifest], config },
  ],
  layerSums: new Map([[digest('a'), digest('c')]]),
  hotFiles: [],
  withScript: true,
  defaults: {},
};
const created = '2026-11-24T12:00:00.000Z';
let contents: Contents;

before(async () => {
  contents = await writeVolume(volume, {
    ...parts,
    contents: { version: '1.2.3', created, platform: 'linux/amd64', layout: 'layers', uuid: null, images },
  });
});
after(() => rm(volume, { recursive: true }));

test('the volume holds these files and no others', async () => {
  const files = await readdir(volume, { recursive: true, withFileTypes: true });
  const paths = files.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const blobs = [config, manifest, index].map(({ digest }) => `blobs/sha256/${digest.slice('sha256:'.length)}`);
  const restore = ['restore/images.tar', 'restore/layers', 'restore/names'];
  const verify = ['verify/files', 'verify/layers'];
  assert.deepEqual(
    paths.map((path) => path.slice(volume.length + 1)).sort(),
    ['index.json', 'oci-layout', 'preload.json', 'restore.sh', ...blobs, ...restore, ...verify].sort(),
  );
});

test('index.json has one entry per name, as containerd and skopeo read them', async () => {
  const { manifests } = JSON.parse(await read('index.json'));
  const named = (name: string) => ({ 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name });
  assert.deepEqual(
    manifests.map(({ digest, annotations }: Record<string, unknown>) => [digest, annotations]),
    [
      [index.digest, named(names[0] ?? '')],
      [index.digest, named(names[1] ?? '')],
      [manifest.digest, named('docker.io/library/app:1')],
    ],
  );
  assert.equal(manifests[2].mediaType, mediaType);
  assert.equal(manifests[2].size, manifest.data.length);
});

test('skopeo reads every name of the layout', async () => {
  await ensurePackages(['skopeo'], console.error);
  for (const name of ['docker.io/library/app:1', names[0]]) {
    const { stdout } = await run('skopeo', ['inspect', '--raw', '--config', `oci:${volume}:${name}`]);
    assert.equal(stdout, config.data.toString());
  }
});

test('images.tar is the layout without layers, each document once', async () => {
  const { stdout } = await run('tar', ['-tf', join(volume, 'restore/images.tar')]);
  const blobs = [index, manifest, config].map(({ digest }) => `blobs/sha256/${digest.slice('sha256:'.length)}`);
  assert.deepEqual(stdout.trim().split('\n'), ['oci-layout', 'index.json', ...blobs]);
  const inArchive = await run('tar', ['-xOf', join(volume, 'restore/images.tar'), blobs[0] ?? '']);
  assert.equal(inArchive.stdout, index.data.toString());
});

test('restore.sh is the script from the source, and executable', async () => {
  assert.equal(await read('restore.sh'), restoreScript);
  assert.equal((await stat(join(volume, 'restore.sh'))).mode & 0o777, 0o755);
});

test('preload.json describes the contents, with checksums of the files that restore.sh reads', async () => {
  const written = JSON.parse(await read('preload.json'));
  const { checksums, complete, format, snapshotter, ...rest } = written;
  const { checksum, contentsDigest, ...known } = contents;
  assert.deepEqual([format, snapshotter, complete], [1, 'overlayfs', true]);
  assert.deepEqual(rest, known);
  assert.deepEqual(Object.keys(checksums).sort(), [
    'restore.sh',
    'restore/images.tar',
    'restore/layers',
    'restore/names',
  ]);
  await assertChecksums(volume, checksums);
});

test('verify/ has checksums of all files except blobs, and the given digests of layers', async () => {
  assert.equal(await read('verify/layers'), `${digest('a')} ${digest('c')}\n`);
  const { stdout } = await run('sha256sum', ['--check', '--strict', 'verify/files'], { cwd: volume });
  const files = ['index.json', 'oci-layout', 'preload.json', 'restore.sh', 'verify/layers'];
  const restore = ['restore/images.tar', 'restore/layers', 'restore/names'];
  assert.deepEqual(stdout.trim().split('\n').sort(), [...files, ...restore].map((path) => `${path}: OK`).sort());
  assert.equal(contents.checksum, digestOf(await read('verify/files')));
  assert.equal(contents.contentsDigest, digestOf(await read('preload.json')));
});

test('what restore.sh reads has about the sizes for which it gets places', async () => {
  const expected = firstFiles({ ...parts, images, withSeed: false });
  assert.deepEqual([...expected.keys()].sort(), [
    'preload.json',
    'restore.sh',
    'restore/images.tar',
    'restore/layers',
    'restore/names',
  ]);
  for (const [path, bytes] of expected) {
    const { size } = await stat(join(volume, path));
    assert.ok(size <= bytes && bytes < size + 16 * 1024, `${path} has ${size} bytes instead of ${bytes}`);
  }
});

test('the set depends on the contents, not on the time', async () => {
  const later = {
    version: '9',
    created: '2027-01-01T00:00:00.000Z',
    platform: 'linux/amd64',
    layout: 'layers' as const,
    uuid: 'u',
  };
  assert.match(contents.set, /^[0-9a-f]{12}$/);
  assert.equal((await writeVolume(volume, { ...parts, contents: { ...later, images } })).set, contents.set);
  assert.notEqual(
    (
      await writeVolume(volume, {
        ...parts,
        captured: parts.captured.slice(0, 1),
        contents: { ...later, images: images.slice(0, 1) },
      })
    ).set,
    contents.set,
  );
});

test('restore/blobs lists the blobs, and preload.json has its checksum', async () => {
  const kept = images.map((image) => ({ ...image, blobs: true }));
  const written = { version: '1.2.3', created, platform: 'linux/amd64', layout: 'layers,blobs' as const, uuid: null };
  const defaults = { ctr: '/opt/bin/ctr', address: '/run/k3s/containerd/containerd.sock' };
  await writeVolume(volume, {
    ...parts,
    contents: { ...written, images: kept },
    layerSums: new Map(),
    hotFiles: [],
    withScript: false,
    defaults,
  });
  assert.equal(await read('restore/blobs'), blobList(kept));
  const { checksums, layout, ctr, address } = JSON.parse(await read('preload.json'));
  assert.equal(checksums['restore/blobs'], digestOf(blobList(kept)));
  assert.equal(checksums['restore.sh'], undefined);
  assert.deepEqual({ ctr, address }, defaults);
  assert.equal(layout, 'layers,blobs');
});
