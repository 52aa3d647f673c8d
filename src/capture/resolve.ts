import { checkPlatform, descend, importedDocuments } from '../model/descent.ts';
import { PreloadError } from '../model/errors.ts';
import type { ResolvedImage, WantedImage } from '../model/image.ts';
import { imageName, keptNames } from '../model/image-reference.ts';
import { chainIds, type Descriptor, type Document, parseManifest } from '../model/oci.ts';
import { forEachParallel } from '../model/parallel.ts';
import { parsePlatform, platformName } from '../model/platform.ts';
import { isVolumeFull } from '../node/command.ts';
import { readDocument } from '../node/containerd.ts';
import { startBudget } from './budget.ts';
import type { Planning } from './context.ts';

const HINT = 'check the name, and that the node can pull the image from its registry';

/**
 * Gives up on names that cannot be captured. Reports them as skipped. If one is required, throws PreloadError, or `error`
 * itself if the volume is full.
 */
export const giveUp = (
  { report, signal, remedies }: Planning,
  wanted: readonly WantedImage[],
  error: unknown,
): void => {
  signal.throwIfAborted();
  const isFull = isVolumeFull(error);
  const reason = isFull ? `the volume is full; ${remedies.largerVolume()}` : (error as Error).message;
  for (const { name, required, usedBy } of wanted) {
    if (required && isFull) throw error;
    if (required) throw new PreloadError(`${imageName(name)}: ${reason}`, HINT);
    report({ type: 'skipped', name: imageName(name), reason, ...(usedBy && { usedBy }) });
  }
};

const MAX_DOCUMENTS = 256 * 1024 ** 2; // bytes of all images that can be skipped: they stay in memory until the end
const MAX_DOCUMENTS_OF_IMAGE = 32 * 1024 ** 2;

/** How many bytes of documents there is room for after those of `image`. Throws PreloadError if it has too many. */
const roomAfter = ({ documents, config }: ResolvedImage, room: number): number => {
  const left = room - sizeOf([...documents, config]);
  if (left < 0)
    throw new PreloadError('has too large an index, manifest or configuration to add to those of all others');
  return left;
};

const sizeOf = (documents: readonly Document[]): number => documents.reduce((sum, { data }) => sum + data.length, 0);

/** Resolves every name to the platform's manifest, from the node's content store if possible. Merges equal digests. */
export const resolveImages = async (capture: Planning, wanted: readonly WantedImage[]): Promise<ResolvedImage[]> => {
  const images = new Map<string, ResolvedImage>();
  const unlimited = startBudget(undefined, capture.signal);
  const budget = startBudget(capture.request.budget, capture.signal);
  let room = MAX_DOCUMENTS;
  await forEachParallel(wanted, capture.request.parallel * 2, async (item) => {
    try {
      const { target, image } = await (item.required ? unlimited : budget).within(async (signal) => {
        const target = await readTarget({ ...capture, signal }, item);
        const known = images.get(target.digest);
        return { target, image: known ?? (await resolveImage({ ...capture, signal }, item, target)) };
      });
      const known = images.get(target.digest) ?? image; // another name may have been faster
      if (!images.has(target.digest) && !item.required) room = roomAfter(image, room);
      images.set(target.digest, known);
      known.wanted.push(item);
      known.names.push(...keptNames(item.name, target.digest).filter((name) => !known.names.includes(name)));
    } catch (error) {
      giveUp(capture, [item], error);
    }
  });
  return [...images.values()];
};

const readTarget = async (capture: Planning, item: WantedImage): Promise<Document> => {
  const { digest } = item.source;
  return digest ? readByDigest(capture, item, digest) : capture.registry.fetchManifest(item, capture.signal);
};

/** Returns an index or manifest from the node's content store, else from the registry. */
const readByDigest = async (
  { node, registry, signal }: Planning,
  item: WantedImage,
  digest: string,
): Promise<Document> => {
  const { domain, path } = item.source;
  return (
    (await readDocument(node, digest)) ??
    (await registry.fetchManifest({ ...item, source: { domain, path, digest } }, signal))
  );
};

const resolveImage = async (capture: Planning, item: WantedImage, target: Document): Promise<ResolvedImage> => {
  const { node, request, registry, signal } = capture;
  const documents = new Map([[target.digest, target]]);
  const read = async ({ digest }: Descriptor): Promise<Document> => {
    const document = documents.get(digest) ?? (await readByDigest(capture, item, digest));
    documents.set(digest, document);
    if (sizeOf([...documents.values()]) > MAX_DOCUMENTS_OF_IMAGE)
      throw new PreloadError('has too many large manifests');
    return document;
  };
  const descent = await descend(target, request.platform, read);
  const { manifest } = descent;
  const { config: descriptor, layers } = parseManifest(manifest);
  const config =
    (await readDocument(node, descriptor.digest)) ?? (await registry.fetchConfig(item, descriptor, signal));
  checkPlatform(descent, config, request.platform);
  const chain = chainIds(config);
  if (chain.length !== layers.length) {
    throw new PreloadError('its manifest and its configuration do not match');
  }
  const own = platformName(parsePlatform(request.platform));
  const platform = descent.platform ?? own;
  const imported = await importedDocuments(target, platform, read);
  if (!imported.includes(manifest)) throw new PreloadError('has nested indexes for different platforms');
  return {
    wanted: [],
    names: [],
    target,
    manifest,
    config,
    documents: imported,
    ...(platform !== own && { platform }),
    layers: layers.map((layer, index) => ({ ...layer, chainId: chain[index] ?? '' })),
  };
};
