import type { CapturedLayer } from '../model/contents.ts';
import { PreloadError } from '../model/errors.ts';
import { type ImageReference, imageName, keptNames } from '../model/image-reference.ts';
import { type Blob, blobOf, chainIds, manifestsFor, parseManifest } from '../model/oci.ts';
import { forEachParallel } from '../model/parallel.ts';
import { isVolumeFull } from '../node/command.ts';
import { readDocument } from '../node/containerd.ts';
import type { Capture } from './context.ts';
import type { WantedImage } from './wanted.ts';

/** An image to capture, with all its names. */
export interface ResolvedImage {
  wanted: WantedImage[];
  names: string[];
  /** what the names point to: an index or a manifest */
  target: Blob;
  /** the platform's manifest; the target itself unless that is an index */
  manifest: Blob;
  config: Blob;
  /** base first */
  layers: Omit<CapturedLayer, 'source'>[];
}

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

const readTarget = async ({ node, registry, signal }: Capture, { source, namespaces }: WantedImage): Promise<Blob> => {
  const data = source.digest && (await readDocument(node, source.digest));
  return data ? blobOf(data) : registry.fetchManifest(source, { namespaces }, signal);
};

const resolveImage = async (capture: Capture, item: WantedImage, target: Blob): Promise<ResolvedImage> => {
  const { request, registry, signal } = capture;
  const manifest = await readManifest(capture, item, target);
  const { config, layers } = parseManifest(manifest.data);
  const data =
    (await readDocument(capture.node, config.digest)) ??
    (await registry.fetchSmallBlob(item.source, { namespaces: item.namespaces }, config, signal));
  const chain = chainIds(data, request.platform);
  if (chain.length !== layers.length) {
    throw new PreloadError('its manifest and its configuration do not match');
  }
  return {
    wanted: [],
    names: [],
    target,
    manifest,
    config: { digest: config.digest, data },
    layers: layers.map(({ digest, size }, index) => ({ chainId: chain[index] ?? '', digest, bytes: size })),
  };
};

/** Returns the platform's manifest, preferably one that the node has: other variants may be missing in the registry. */
const readManifest = async (capture: Capture, { source, namespaces }: WantedImage, target: Blob): Promise<Blob> => {
  const { node, registry, request, signal } = capture;
  const digests = manifestsFor(target.data, request.platform);
  if (!digests) return target;
  for (const digest of digests) {
    const data = await readDocument(node, digest);
    if (data) return { digest, data };
  }
  const image: ImageReference = { domain: source.domain, path: source.path, digest: digests[0] ?? '' };
  return registry.fetchManifest(image, { namespaces }, signal);
};
