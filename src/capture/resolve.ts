import { PreloadError } from '../model/errors.ts';
import type { ResolvedImage, WantedImage } from '../model/image.ts';
import { type ImageReference, imageName, keptNames } from '../model/image-reference.ts';
import { chainIds, type Document, manifestsFor, parseManifest } from '../model/oci.ts';
import { forEachParallel } from '../model/parallel.ts';
import { isVolumeFull } from '../node/command.ts';
import { readDocument } from '../node/containerd.ts';
import type { Capture } from './context.ts';

const HINT = 'check the name, and that the node can pull the image from its registry';

/**
 * Gives up on names that cannot be captured. Throws PreloadError if one is required; otherwise reports them as skipped.
 * Rethrows `error` if the volume is full, since that is not the image's fault.
 */
export const giveUp = ({ report, signal }: Capture, wanted: readonly WantedImage[], error: unknown): void => {
  signal.throwIfAborted();
  if (isVolumeFull(error)) throw error;
  const reason = (error as Error).message;
  for (const { name, required, usedBy } of wanted) {
    if (required) throw new PreloadError(`${imageName(name)}: ${reason}`, HINT);
    report({ type: 'skipped', name: imageName(name), reason, ...(usedBy && { usedBy }) });
  }
};

/** Resolves every name to the platform's manifest, from the node's content store if possible. Merges equal digests. */
export const resolveImages = async (capture: Capture, wanted: readonly WantedImage[]): Promise<ResolvedImage[]> => {
  const images = new Map<string, ResolvedImage>();
  await forEachParallel(wanted, capture.request.parallel * 2, async (item) => {
    try {
      const target = await readTarget(capture, item);
      const image = images.get(target.digest) ?? (await resolveImage(capture, item, target));
      const known = images.get(target.digest) ?? image; // another name may have been faster
      images.set(target.digest, known);
      known.wanted.push(item);
      known.names.push(...keptNames(item.name, target.digest).filter((name) => !known.names.includes(name)));
    } catch (error) {
      giveUp(capture, [item], error);
    }
  });
  return [...images.values()];
};

const readTarget = async ({ node, registry, signal }: Capture, item: WantedImage): Promise<Document> => {
  const { digest } = item.source;
  return (digest && (await readDocument(node, digest))) || registry.fetchManifest(item, signal);
};

const resolveImage = async (capture: Capture, item: WantedImage, target: Document): Promise<ResolvedImage> => {
  const { node, request, registry, signal } = capture;
  const manifest = await readManifest(capture, item, target);
  const { config: descriptor, layers } = parseManifest(manifest);
  const config =
    (await readDocument(node, descriptor.digest)) ?? (await registry.fetchConfig(item, descriptor, signal));
  const chain = chainIds(config, request.platform);
  if (chain.length !== layers.length) {
    throw new PreloadError('its manifest and its configuration do not match');
  }
  return {
    wanted: [],
    names: [],
    target,
    manifest,
    config,
    layers: layers.map((layer, index) => ({ ...layer, chainId: chain[index] ?? '' })),
  };
};

/** Returns the platform's manifest, preferably one that the node has: other variants may be missing in the registry. */
const readManifest = async (capture: Capture, item: WantedImage, target: Document): Promise<Document> => {
  const { node, registry, request, signal } = capture;
  const digests = manifestsFor(target, request.platform);
  if (!digests) return target;
  for (const digest of digests) {
    const manifest = await readDocument(node, digest);
    if (manifest) return manifest;
  }
  const { domain, path } = item.source;
  const source: ImageReference = { domain, path, digest: digests[0] ?? '' };
  return registry.fetchManifest({ ...item, source }, signal);
};
