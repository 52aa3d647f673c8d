import type { CapturedLayer } from '../model/contents.ts';
import { PreloadError } from '../model/errors.ts';
import { type ImageReference, imageName, keptNames } from '../model/image-reference.ts';
import { type Blob, blobOf, chainIds, manifestsFor, parseManifest } from '../model/oci.ts';
import { forEachParallel } from '../model/parallel.ts';
import { isVolumeFull } from '../node/command.ts';
import { readDocument } from '../node/containerd.ts';
import type { Capture } from './context.ts';
import type { WantedImage } from './wanted.ts';

/** One image to capture, under all the names that mean it. */
export interface ResolvedImage {
  wanted: WantedImage[];
  names: string[];
  /** the names' target, an index or a manifest */
  target: Blob;
  /** the platform's manifest; the target itself where that is no index */
  manifest: Blob;
  config: Blob;
  /** base first */
  layers: Omit<CapturedLayer, 'source'>[];
}

const HINT = 'check the name, and that the node may pull it from its registry';

/**
 * Tells that `wanted` cannot be captured: throws where it must be, reports and goes on where it was only found. A full
 * volume is no image's fault.
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

/** Resolves every name to the platform's manifest, from the node's own content first. Names of one digest become one image. */
export const resolveImages = async (capture: Capture, wanted: readonly WantedImage[]): Promise<ResolvedImage[]> => {
  const images = new Map<string, ResolvedImage>();
  await forEachParallel(wanted, capture.request.parallel * 2, async (item) => {
    try {
      const target = await readTarget(capture, item);
      const image = images.get(target.digest) ?? (await resolveImage(capture, item, target));
      const known = images.get(target.digest) ?? image; // another name may have come first meanwhile
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
    throw new PreloadError('its manifest and its configuration do not belong together');
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

/** Of several manifests for the platform the one the node has; its other variants may not even be in the registry. */
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
