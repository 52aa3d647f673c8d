import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PreloadError } from '../../../src/model/errors.ts';
import {
  blobPath,
  chainIds,
  configPlatform,
  digestOf,
  entriesFor,
  hexOf,
  indexEntries,
  isDigest,
  mediaTypeOf,
  parseDocument,
  parseManifest,
} from '../../../src/model/oci.ts';
import { layerFolder } from '../../../src/volume/format.ts';
import { digest } from '../../harness/captured-images.ts';

const AMD64 = 'linux/amd64';
const PLATFORM = { os: 'linux', architecture: 'amd64' };
const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const DOCKER_INDEX = 'application/vnd.docker.distribution.manifest.list.v2+json';

const json = (document: unknown) => parseDocument(Buffer.from(JSON.stringify(document)));

const index = json({
  schemaVersion: 2,
  manifests: [
    { digest: digest('1'), size: 1, platform: { os: 'unknown', architecture: 'unknown' } },
    { digest: digest('2'), size: 1, platform: { os: 'linux', architecture: 'arm', variant: 'v7' } },
    { digest: digest('3'), size: 1, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } },
    { digest: digest('4'), size: 1, platform: { os: 'windows', architecture: 'amd64' } },
    { digest: digest('5'), size: 1, platform: { os: 'linux', architecture: 'amd64' } },
    { digest: digest('6'), size: 1 },
  ],
});
const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digest('7'), size: 1 };
const layers = [{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: digest('8'), size: 2, urls: [] }];
const manifest = json({ schemaVersion: 2, config, layers });

test('digests are SHA-256 of the bytes', () => {
  assert.equal(digestOf(''), 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  const data = Buffer.from('{}');
  assert.deepEqual(parseDocument(data), { digest: digestOf('{}'), data, json: {} });
});

describe('untrusted digests', () => {
  const invalid: unknown[] = [
    'sha256:../../../etc/cron.d/evil',
    `sha256:${'A'.repeat(64)}`,
    `sha256:${'a'.repeat(63)}`,
    `sha256:${'a'.repeat(65)}`,
    `sha256:${'a'.repeat(64)}\n`,
    `sha256:${'a'.repeat(62)}/.`,
    `sha512:${'a'.repeat(64)}`,
    'a'.repeat(64),
    '',
    undefined,
    null,
    7,
    { toString: () => digest('a') },
  ];
  const error = { name: 'Error', message: /^(invalid .*: must be sha256: and 64 lower-case hex digits|has no .*)$/ };
  const rejects = (parse: () => unknown): void => {
    assert.throws(parse, PreloadError);
    assert.throws(parse, error);
  };

  test('are accepted with SHA-256 in lower-case hex', () => {
    assert.ok(isDigest(digest('a')));
    assert.equal(hexOf(digest('a')), 'a'.repeat(64));
  });

  for (const value of invalid) {
    test(`${JSON.stringify(value)} is rejected in every document, and no path is built from it`, () => {
      assert.ok(!isDigest(value));
      const bad = { ...layers[0], digest: value, size: 1 };
      const badConfig = { ...config, digest: value };
      rejects(() => parseManifest(json({ config, layers: [...layers, bad] })));
      rejects(() => parseManifest(json({ config: badConfig, layers })));
      rejects(() => indexEntries(json({ manifests: [{ ...bad, platform: PLATFORM }] })));
      rejects(() => chainIds(json({ ...PLATFORM, rootfs: { diff_ids: [value] } })));
      rejects(() => chainIds(json({ ...PLATFORM, rootfs: { diff_ids: [digest('a'), value] } })));
      for (const path of [blobPath, layerFolder]) assert.throws(() => path(value as string), PreloadError);
    });
  }
});

test('a size that is not a whole number of bytes is rejected', () => {
  for (const size of ['x', '1', -1, 1.5, 1e30, 2 ** 53, null, undefined, [1]]) {
    const bad = { ...layers[0], digest: digest('a'), size };
    const error = { message: /^(invalid .*size .*: must be a whole number of bytes|has no .*size)$/ };
    assert.throws(() => parseManifest(json({ config, layers: [bad] })), error);
    assert.throws(() => parseManifest(json({ config: { ...config, size }, layers })), error);
    assert.throws(() => indexEntries(json({ manifests: [{ ...bad, platform: PLATFORM }] })), error);
  }
});

test('a document with the wrong structure is rejected', () => {
  for (const text of ['null', '7', '"text"', '[]', '{', '']) {
    assert.throws(() => parseDocument(Buffer.from(text)), { message: /^is not (a JSON object|JSON)$/ });
  }
  assert.throws(() => parseManifest(json({ config, layers: {} })), { message: 'invalid layers {}: must be an array' });
  assert.throws(() => parseManifest(json({ config, layers: [null] })), PreloadError);
  assert.throws(() => indexEntries(json({ manifests: { length: 1 } })), PreloadError);
  assert.throws(() => chainIds(json({ ...PLATFORM, rootfs: { diff_ids: 'abc' } })), PreloadError);
});

describe('entries of an index', () => {
  const chosen = (platform: string) => entriesFor(indexEntries(index) ?? [], platform).map((entry) => entry.digest[7]);

  test('are those of the platform, and then those without one', () => {
    assert.deepEqual(chosen(AMD64), ['5', '6']);
    assert.deepEqual(chosen('linux/arm64'), ['3', '2', '6']);
    assert.deepEqual(chosen('linux/riscv64'), ['6']);
  });

  test('that need features of the operating system are for other nodes', () => {
    const entry = { ...config, platform: { ...PLATFORM, 'os.features': ['gpu'] } };
    assert.deepEqual(entriesFor(indexEntries(json({ manifests: [entry] })) ?? [], AMD64), []);
  });

  test('a manifest has none', () => assert.equal(indexEntries(manifest), undefined));
});

describe('media types', () => {
  const documents: [string, object, string][] = [
    ['an index that specifies its own', { mediaType: DOCKER_INDEX, manifests: [] }, DOCKER_INDEX],
    ['an index that specifies none', { manifests: [] }, OCI_INDEX],
    ['a manifest that specifies none', { config, layers }, OCI_MANIFEST],
  ];
  for (const [what, document, type] of documents) test(what, () => assert.equal(mediaTypeOf(json(document)), type));
});

describe('manifests', () => {
  test('have a config and layers', () => assert.deepEqual(parseManifest(manifest), { config, layers }));

  test('with a config or a layer that containerd does not know are refused', () => {
    const artifact = { ...config, mediaType: 'application/vnd.oci.empty.v1+json' };
    assert.throws(() => parseManifest(json({ config: artifact, layers })), {
      message:
        'invalid config.mediaType "application/vnd.oci.empty.v1+json": must be the type of an image configuration',
    });
    const layer = { ...layers[0], mediaType: 'text/plain' };
    assert.throws(() => parseManifest(json({ config, layers: [layer] })), {
      message: 'invalid layers.0.mediaType "text/plain": must be the type of a layer',
    });
  });

  test('that are indexes as well are refused', () => {
    assert.throws(() => indexEntries(json({ manifests: [], config, layers })), {
      message: 'is both an index and an image',
    });
  });

  test('other documents are refused, such as Docker schema 1', () => {
    for (const document of [{}, { schemaVersion: 1, fsLayers: [] }, { config }, { layers }]) {
      assert.throws(() => parseManifest(json(document)), /neither an OCI nor a Docker schema 2 image/);
    }
  });
});

describe('chain IDs', () => {
  const platform = PLATFORM;
  const chain = (diffIds: string[]) => chainIds(json({ ...platform, rootfs: { diff_ids: diffIds } }));

  test('none without layers', () => {
    assert.deepEqual(chain([]), []);
    assert.deepEqual(chainIds(json(platform)), []);
  });

  test('the first is the layer itself', () => assert.deepEqual(chain([digest('a')]), [digest('a')]));

  test('the next ones hash the parent and the layer, like snapshot names in containerd', () => {
    const layers = [
      'sha256:32c2da9cb0c926f166e5d0ba8e9b52f2eb1e16456c9dd4ce64f5bee7944e7210',
      'sha256:d92c9e07a4b4ffbd59945a258807c67cd0330cf5e256a62674094af319b477b7',
      'sha256:987e33305538cabc695192378325646aaddf37b84d49b90f266e03f249736435',
    ];
    assert.deepEqual(chain(layers), [
      'sha256:32c2da9cb0c926f166e5d0ba8e9b52f2eb1e16456c9dd4ce64f5bee7944e7210',
      'sha256:3bef61b7012043743d129f6557791afd20fcb7a2ba50fbf39b8c4f63f0a8958d',
      'sha256:3802962745501fb0434a5f653cb0a2438c6dc8ed284154ec24ff6d70c997101e',
    ]);
  });

  test('a repeated layer has another one each time', () => {
    const ids = chain([digest('a'), digest('a')]);
    assert.equal(new Set(ids).size, 2);
  });
});

test('a config says its platform, if only in part', () => {
  assert.equal(configPlatform(json({ architecture: 'aarch64', variant: 'v8' })), 'linux/arm64');
  assert.equal(configPlatform(json({})), 'linux/');
});
