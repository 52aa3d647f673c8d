import { createHash, randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { type Descriptor, document, sha256 } from '../../cluster/images/oci-image.ts';
import { HONEST_LAYERS } from './honest-image.ts';
import { AMD64, image, indexOf, MANIFEST, type Oddity, ownLayer } from './image-parts.ts';
import { endsEarly, says } from './lies.ts';
import type { Lie, Repository } from './table-registry.ts';
import { blobOf, type Entry, type Layer, layerOf, TAR_END, tarHeader } from './tar-layer.ts';

/** An image with one layer that its manifest describes with these fields. */
export const described = (fields: object, lies?: Repository['lies'], oddity: Oddity = {}): Repository => {
  const layer = ownLayer();
  const made = image('bad', { layers: [layer], descriptors: [{ ...layer.descriptor, ...fields }], ...oddity });
  return { ...made, ...(lies && { lies }) };
};

/** An image whose manifest is sent in this way. */
export const told = (lie: Lie): Repository => ({ ...image('bad'), lies: { 'manifests/1': lie } });

/** An image whose layer is sent in this way. */
export const sent = (lie: Lie, layer: Layer = ownLayer()): Repository => ({
  ...image('bad', { layers: [layer] }),
  lies: { [`blobs/${layer.descriptor.digest}`]: lie },
});

export const withLayer = (layer: Layer): Repository => image('bad', { layers: [layer] });
export const withFiles = (...entries: Entry[]): Repository => withLayer(layerOf(entries));
export const withDiffIDs = (...diffIDs: unknown[]): Repository => image('bad', { diffIDs });

/** An image that says it has the layers of the honest one, which the node has. */
export const withHonestLayers = (oddity: Oddity): Repository => image('bad', { layers: HONEST_LAYERS, ...oddity });

export const withConfig = (fields: object): Repository => {
  const { root, contents } = image('bad');
  const manifest = JSON.parse(root.content.toString());
  const liar = document(MANIFEST, { ...manifest, config: { ...manifest.config, ...fields } });
  return { root: liar, contents: [liar, ...contents], lies: { '*': endsEarly } };
};

/** An index whose entry has other fields than the image. */
export const withEntry = (fields: Partial<Descriptor>, platform: object = AMD64): Repository => ({
  ...indexOf([[image('bad'), platform, fields]]),
  lies: { '*': endsEarly },
});

/** Serves something else under the digest of what this picks. */
export const swapped = (repository: Repository, kind: string, picked: RegExp): Repository => {
  const victim = repository.contents.find(({ descriptor }) => picked.test(descriptor.mediaType));
  return { ...repository, lies: { [`${kind}/${victim?.descriptor.digest}`]: says(JSON.stringify({ other: true })) } };
};

const nestedJson = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

/** The same manifest with a field that is nested this deep. */
export const deep = ({ contents: [root, ...rest] }: Repository): Repository => {
  const text = `${root?.content.toString().slice(0, -1)},"deep":${nestedJson(100_000)}}`;
  const descriptor = { mediaType: MANIFEST, digest: sha256(text), size: text.length };
  const liar = { descriptor, content: text };
  return { root: liar, contents: [liar, ...rest] };
};

export const chainOfIndexes = (length: number): Repository =>
  Array.from({ length }).reduce<Repository>((inner) => indexOf([[inner, AMD64]]), indexOf([[image('bad'), AMD64]]));

/** A file of zeros, of which each mebibyte takes a kibibyte: many gzip streams are one. */
export const bomb = (mebibytes: number): Layer => {
  const [zeros, size] = [Buffer.alloc(1024 * 1024), mebibytes * 1024 * 1024];
  const header = tarHeader({ name: 'zeros', size });
  const hash = createHash('sha256').update(header);
  for (let done = 0; done < mebibytes; done += 1) hash.update(zeros);
  const packed = Array<Buffer>(mebibytes).fill(gzipSync(zeros));
  const diffID = `sha256:${hash.update(TAR_END).digest('hex')}`;
  return blobOf(Buffer.concat([gzipSync(header), ...packed, gzipSync(TAR_END)]), diffID);
};

/** A blob with the right digest in which nobody finds an archive. */
export const garbage = (mediaType?: string): Layer => blobOf(randomBytes(1000), sha256('another archive'), mediaType);
