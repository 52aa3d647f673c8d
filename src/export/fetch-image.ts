import type { CapturedLayer } from '../model/contents.ts';
import { PreloadError } from '../model/errors.ts';
import { type ImageReference, imageName, repository } from '../model/image-reference.ts';
import { type Blob, blobOf, chainIds, manifestFor, parseManifest } from '../model/oci.ts';
import { type Ctr, run } from './ctr.ts';

/** What a name resolved to in the registry. */
export interface ResolvedImage {
  /** the name's target, an index or a manifest */
  target: Blob;
  /** the platform's manifest; the target itself where that is no index */
  manifest: Blob;
}

export interface FetchedImage extends ResolvedImage {
  config: Blob;
  /** base first */
  layers: CapturedLayer[];
}

/** A containerd that fetches, and the registry settings of the node it belongs to. */
export interface Fetcher {
  ctr: Ctr;
  /** flags such as `--hosts-dir` for every command that asks a registry */
  registryFlags: readonly string[];
  platform: string;
  signal: AbortSignal;
}

/**
 * Resolves `image` in its registry. The platform's manifest is named by digest from then on: a pull of the index itself
 * fails on containerd 2.x when the manifest of any other platform is gone.
 */
export const resolveImage = async (fetcher: Fetcher, image: ImageReference): Promise<ResolvedImage> => {
  const target = await fetchDocument(fetcher, imageName(image), image.digest);
  const digest = manifestFor(target.data, fetcher.platform);
  const manifest = digest ? await fetchDocument(fetcher, `${repository(image)}@${digest}`, digest) : target;
  return { target, manifest };
};

/** Fetches and unpacks the layers of a resolved image into the containerd of `fetcher`. */
export const pullImage = async (
  fetcher: Fetcher,
  image: ImageReference,
  resolved: ResolvedImage,
): Promise<FetchedImage> => {
  const { config, layers } = parseManifest(resolved.manifest.data);
  const reference = `${repository(image)}@${resolved.manifest.digest}`;
  await run(
    [...fetcher.ctr, 'images', 'pull', ...fetcher.registryFlags, '--platform', fetcher.platform, reference],
    fetcher.signal,
  );
  const data = await run([...fetcher.ctr, 'content', 'get', config.digest], fetcher.signal);
  const chain = chainIds(data, fetcher.platform);
  if (chain.length !== layers.length)
    throw new PreloadError('its manifest and its configuration do not belong together');
  return {
    ...resolved,
    config: { digest: config.digest, data },
    layers: layers.map(({ digest, size }, index) => ({ chainId: chain[index] ?? '', digest, bytes: size })),
  };
};

const fetchDocument = async (fetcher: Fetcher, reference: string, digest: string | undefined): Promise<Blob> => {
  const command = [...fetcher.ctr, 'content', 'fetch-object', ...fetcher.registryFlags, reference];
  const document = blobOf(await run(command, fetcher.signal));
  if (digest && document.digest !== digest) {
    throw new PreloadError(`the registry answered ${reference} with something else (${document.digest})`);
  }
  return document;
};
