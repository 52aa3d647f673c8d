import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PreloadError } from '../model/errors.ts';
import type { ResolvedImage, ResolvedLayer } from '../model/image.ts';
import { blobPath } from '../model/oci.ts';
import { limiter } from '../model/parallel.ts';
import type { NodeStore } from '../node/containerd.ts';
import { exists } from '../node/files.ts';
import { startBudget } from './budget.ts';
import { isRequired } from './choose.ts';
import type { Capture } from './context.ts';
import type { ProgressMeter } from './meter.ts';
import { limited } from './rate.ts';

/** Writes a layer's blob to blobs/ on the volume, from the node's content store or the registry. */
export type BlobFetcher = (image: ResolvedImage, layer: ResolvedLayer) => Promise<void>;

/** Fetches each blob once, even if several images share it, and at most `parallel` blobs at a time. */
export const blobFetcher = (capture: Capture, { bytesDone, partDone }: ProgressMeter): BlobFetcher => {
  const limit = limiter(capture.request.parallel);
  const unlimited = startBudget(undefined, capture.signal);
  const budget = startBudget(capture.request.budget, capture.signal);
  const underWay = new Map<string, Promise<void>>();
  return (image, layer) => {
    const { digest } = layer;
    const known = underWay.get(digest);
    if (known) return known;
    const { within } = isRequired(image) ? unlimited : budget;
    const fetched = limit(() => within((signal) => fetchBlob({ ...capture, signal }, image, layer, bytesDone)));
    underWay.set(digest, fetched);
    fetched.then(
      () => partDone(digest),
      () => underWay.delete(digest), // the repository of another image may have it
    );
    return fetched;
  };
};

const fetchBlob = async (
  capture: Capture,
  image: ResolvedImage,
  blob: ResolvedLayer,
  onBytes: (count: number) => void,
): Promise<void> => {
  const { volume, node, registry, signal } = capture;
  const file = join(volume, blobPath(blob.digest));
  if (await exists(file)) return;
  await mkdir(dirname(file), { recursive: true });
  const onNode = join(node.content, blobPath(blob.digest));
  if (await copyVerified(capture, onNode, blob.digest, file)) return onBytes(blob.size);
  let failure: unknown;
  for (const item of image.wanted) {
    try {
      return await registry.fetchBlob(item, blob, { file, onBytes }, signal);
    } catch (error) {
      failure = error;
    }
  }
  if (blob.urls.length > 0) {
    // whoever wrote the manifest could make this program ask any server that only the node can reach
    throw new PreloadError(`its layer ${blob.digest} is not in the registry, and URLs in a manifest are not followed`);
  }
  throw failure;
};

/** Copies `source` to `file`. Returns false if it does not exist or does not match `digest`. */
const copyVerified = async (
  { rateLimit, signal }: Capture,
  source: string,
  digest: string,
  file: string,
): Promise<boolean> => {
  if (!(await exists(source))) return false;
  const hash = createHash('sha256');
  const hashing = new Transform({
    transform(chunk, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  const copy = `${file}.copy`;
  try {
    const content = createReadStream(source);
    const pieces = rateLimit ? limited(rateLimit, signal)(content) : content;
    await pipeline(pieces, hashing, createWriteStream(copy), { signal });
    if (`sha256:${hash.digest('hex')}` !== digest) return false;
    await rename(copy, file);
    return true;
  } finally {
    await rm(copy, { force: true });
  }
};

/** Returns the digests of the layer blobs of `images` that the node has. */
export const blobsOfNode = async ({ content }: NodeStore, images: readonly ResolvedImage[]): Promise<Set<string>> => {
  const digests = [...new Set(images.flatMap(({ layers }) => layers.map(({ digest }) => digest)))];
  const there = await Promise.all(digests.map((digest) => exists(join(content, blobPath(digest)))));
  return new Set(digests.filter((_, index) => there[index]));
};

/** Fetches the blobs of all layers. Returns the images whose blobs are complete; calls `onFailed` for the others. */
export const writeBlobs = async (
  images: readonly ResolvedImage[],
  fetchBlob: BlobFetcher,
  onFailed: (image: ResolvedImage, error: unknown) => void,
): Promise<ResolvedImage[]> => {
  const whole = await Promise.all(
    images.map(async (image) => {
      const fetched = await Promise.allSettled(image.layers.map((layer) => fetchBlob(image, layer)));
      const failure = fetched.find((result) => result.status === 'rejected');
      if (failure) onFailed(image, failure.reason);
      return failure ? [] : [image];
    }),
  );
  return whole.flat();
};
