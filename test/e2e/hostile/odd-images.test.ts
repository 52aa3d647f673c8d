import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { plain } from '../../../src/model/parse.ts';
import { sha256 } from '../../cluster/images/oci-image.ts';
import { CONTAINERD_VERSIONS } from '../../cluster/node/config.ts';
import { mountNewVolume } from '../../harness/loop-volume.ts';
import type { PrivateNode } from '../../harness/private-node.ts';
import { repetitions } from '../../harness/repetitions.ts';
import { BUNDLE } from '../../harness/run-bundle.ts';
import { onNode } from '../restore/restored-node.ts';
import { idInCri, importDocuments, labelOf, pathTo, pullThroughCri } from './ask-containerd.ts';
import { type Captured, captureAll, startCaptureNode } from './capture-node.ts';
import { AMD64, image, indexOf, ownLayer } from './image-parts.ts';
import { type OddImage, oddImages, verdictOf } from './odd-images.ts';
import { type Repository, startTableRegistry } from './table-registry.ts';

const folder = await mkdtemp(join(tmpdir(), 'preload-odd-'));
const [registry, elsewhere] = [await startTableRegistry(), await startTableRegistry()];
const there = ownLayer();
elsewhere.serve('layers', { root: there, contents: [there] });
const urlPath = `/v2/layers/blobs/${there.descriptor.digest}`;
const odd = Object.entries(oddImages(`http://${elsewhere.address}${urlPath}`, there)).map(
  ([title, row], index) => [title, row, `${registry.address}/odd/${index}:1`] as const,
);
for (const [index, [, { image }]] of odd.entries()) registry.serve(`odd/${index}`, image);
const honest = `${registry.address}/sample/honest:1`;
const honestImage = indexOf([[image('honest'), AMD64]]);
registry.serve('sample/honest', honestImage);

after(async () => {
  for (const { stop } of [registry, elsewhere]) await stop();
  await rm(folder, { recursive: true });
});

/** The label of the image with this configuration, which the registry has unless containerd made it. */
const labelIn = ({ image }: OddImage, config: string): string => {
  const found = image.contents.find(({ descriptor }) => descriptor.digest === config);
  return labelOf(JSON.parse(found?.content.toString() ?? '{}'));
};

/** The documents of these types. */
const textsOf = ({ contents }: Repository, types: RegExp): string[] =>
  contents.filter(({ descriptor }) => types.test(descriptor.mediaType)).map(({ content }) => content.toString());

describe('the loader', () => {
  let node: PrivateNode;
  let captured: Captured;

  before(async () => {
    node = await startCaptureNode(join(folder, 'root'), honest);
    const volume = await mountNewVolume(node, folder, 'volume', 256);
    captured = await captureAll(
      ...([node, folder, volume, [honest]] as const),
      odd.map(([, , name]) => name),
    );
  });
  after(() => node.stop());

  test('captures', () => assert.equal(captured.code, 0, captured.stderr));

  for (const [title, row, name] of odd) {
    const verdicts = CONTAINERD_VERSIONS.map((version) => verdictOf(row, version));
    const runs = verdicts.filter((verdict) => typeof verdict === 'string');
    const mayBeSkipped = row.skipped !== undefined || runs.length < verdicts.length;
    test(`${title}: ${row.skipped ? 'skips it' : `as containerd, ${[...new Set(verdicts)].join(' or ')}`}`, () => {
      const [reason, found] = [captured.skipped.get(name), captured.images.get(name)];
      if (reason === undefined) {
        assert.ok(found, 'neither captured nor skipped');
        assert.ok(!row.skipped, 'captured');
        assert.ok(runs.includes(labelIn(row, found.config)), `captured ${labelIn(row, found.config)}`);
      } else {
        assert.ok(mayBeSkipped, reason);
        assert.match(reason, row.skipped ?? /./);
        assert.equal(plain(reason), reason);
      }
    });
  }

  test('verify finds nothing wrong with what it captured', async () => {
    const argv = [BUNDLE, 'verify', '--volume', join(folder, 'volume'), '-o', 'json'];
    const { code, stdout, stderr } = await node.run([process.execPath, ...argv]);
    assert.equal(code, 0, stdout + stderr);
    assert.equal(JSON.parse(stdout).images, captured.images.size);
  });

  test('what it captured can be restored', async () => {
    const { code, stderr } = await node.run(['sh', join(folder, 'volume/restore.sh')]);
    assert.equal(code, 0, stderr);
    for (const [name, { config }] of captured.images) assert.equal(await idInCri(node, name), config, name);
  });
});

// what is written down about containerd changes only with containerd
for (const version of CONTAINERD_VERSIONS.slice(0, repetitions(CONTAINERD_VERSIONS.length, 0))) {
  onNode(version, 'does with odd images what is written down', async (node) => {
    for (const [title, row, name] of odd) {
      const verdict = verdictOf(row, version);
      const pulled = pullThroughCri(node, name);
      if (typeof verdict === 'string') assert.equal((await pulled).label, verdict, title);
      else await assert.rejects(pulled, verdict, title);
    }
    assert.ok(elsewhere.requests.includes(urlPath), 'it asks the URL of a foreign layer');
  });

  onNode(version, 'imports odd images without layers as is written down', async (node, files) => {
    const label = version === '2' ? ['--label', 'kubectl-preload/set=x'] : [];
    const importWithHonest = (name: string, documents: readonly string[]) => {
      const images = [
        { name, documents },
        { name: honest, documents: textsOf(honestImage, /manifest|index|config/) },
      ];
      return importDocuments(node, files, images, '--platform', 'linux/amd64', ...label);
    };
    for (const [title, row, name] of odd) {
      const { image, imported } = row;
      const documents = pathTo(image, ({ config }) => config?.Cmd?.[0] === verdictOf(row, version));
      const config = sha256(documents.at(-1) ?? '');
      if (documents.length === 0) continue; // it cannot be pulled
      const { names, error, ...alone } = await importWithHonest(name, documents);
      if (!imported || imported === 'collected') {
        assert.deepEqual([names.length, alone.config], [2, config], `${title}: ${error}`);
        assert.equal(alone.content.includes(config), !imported, title);
        continue;
      }
      assert.equal(names.length, 0, title);
      const together = await importWithHonest(name, [...documents, ...textsOf(image, /manifest|index/)]);
      const found = imported === 'never' ? undefined : config;
      assert.equal(together.config, found, `${title}: ${together.error}`);
      if (found)
        assert.deepEqual(
          documents.map(sha256).filter((digest) => !together.content.includes(digest)),
          [],
        );
    }
  });
}
