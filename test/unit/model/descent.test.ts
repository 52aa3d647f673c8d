import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkPlatform, descend, importedDocuments } from '../../../src/model/descent.ts';
import { PreloadError } from '../../../src/model/errors.ts';
import { type Document, parseDocument } from '../../../src/model/oci.ts';
import { digest } from '../../harness/captured-images.ts';

const AMD64 = 'linux/amd64';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const known = new Map<string, Document>();

const json = (value: unknown): Document => {
  const document = parseDocument(Buffer.from(JSON.stringify(value)));
  known.set(document.digest, document);
  return document;
};
const manifest = (name: string) =>
  json({ config: { digest: digest('a'), size: 1 }, layers: [], annotations: { name } });
const entry = (document: Document, architecture?: string, mediaType = document.json.manifests ? INDEX : MANIFEST) => ({
  ...{ mediaType, digest: document.digest, size: document.data.length },
  ...(architecture && { platform: { os: 'linux', architecture } }),
});
const index = (...manifests: object[]) => json({ manifests });
const read = async ({ digest }: { digest: string }): Promise<Document> => {
  const found = known.get(digest);
  if (found) return found;
  throw new PreloadError('is missing');
};

const app = manifest('app');
const other = manifest('other');

describe('an index is followed to the manifest that containerd runs', () => {
  const leads: [string, Document, Document, string | undefined][] = [
    ['a manifest is its own', app, app, undefined],
    ['by platform', index(entry(other, 'arm64'), entry(app, 'amd64')), app, AMD64],
    ['the first of several', index(entry(app, 'amd64'), entry(other, 'amd64')), app, AMD64],
    ['its own platform before a fallback', index(entry(other, '386'), entry(app, 'amd64')), app, AMD64],
    ['a fallback', index(entry(other, 'arm64'), entry(app, '386')), app, 'linux/386'],
    ['a platform before an entry without one', index(entry(other), entry(app, 'amd64')), app, AMD64],
    ['an entry without a platform', index(entry(other, 'arm64'), entry(app)), app, undefined],
    ['through nested indexes', index(entry(index(entry(index(entry(app, 'amd64')))))), app, AMD64],
  ];
  for (const [what, target, expected, platform] of leads) {
    test(what, async () => {
      const found = await descend(target, AMD64, read);
      assert.equal(found.manifest, expected);
      assert.equal(found.platform, platform);
    });
  }

  test('without turning back: containerd does not try the next entry either', async () => {
    const target = index(entry(index(entry(other, 'arm64')), 'amd64'), entry(app, 'amd64'));
    await assert.rejects(descend(target, AMD64, read), { message: 'has no image for linux/amd64' });
  });

  test('but not to something else, such as a signature', async () => {
    const target = index(entry(app, 'amd64', 'application/vnd.example.signature'));
    await assert.rejects(descend(target, AMD64, read), { message: 'has something else than an image for linux/amd64' });
  });

  test('and not for ever', async () => {
    let target = app;
    for (let depth = 0; depth < 200; depth += 1) target = index(entry(target));
    await assert.rejects(descend(target, AMD64, read), { message: 'has indexes nested more than 100 deep' });
  });
});

describe('the platform of a config', () => {
  const arm = json({ os: 'linux', architecture: 'arm64' });
  const check = async (target: Document, config: Document) =>
    checkPlatform(await descend(target, AMD64, read), config, AMD64);

  test('does not count if there is no index, or if the index says the platform', async () => {
    await check(app, arm);
    await check(index(entry(app, 'amd64')), arm);
  });

  test('counts if the index does not say it', async () => {
    await check(index(entry(app)), json({ architecture: 'x86_64' }));
    await check(index(entry(app)), json({ os: 'linux', architecture: '386' }));
    await assert.rejects(check(index(entry(app)), arm), { message: 'is for linux/arm64, not for linux/amd64' });
  });
});

describe('an import reads', () => {
  const reads = async (target: Document, platform = AMD64) =>
    (await importedDocuments(target, platform, read)).map((document) => document.digest);

  test('every image of exactly this platform and without one, in nested indexes too', async () => {
    const nested = index(entry(other));
    const target = index(entry(app, 'amd64'), entry(nested), entry(manifest('386'), '386'));
    assert.deepEqual(
      await reads(target),
      [target, app, nested, other].map((document) => document.digest),
    );
  });

  test('nothing that is not an image', async () => {
    const target = index(entry(app, 'amd64'), { mediaType: 'text/plain', digest: digest('f'), size: 1 });
    assert.deepEqual(await reads(target), [target.digest, app.digest]);
  });

  test('not more than a hundred of them', async () => {
    const many = Array.from({ length: 101 }, (_, number) => entry(manifest(`${number}`)));
    await assert.rejects(reads(index(...many)), { message: 'lists more than 100 images for linux/amd64' });
  });
});
