import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { ResolvedImage, ResolvedLayer } from '../model/image.ts';
import { blobPath } from '../model/oci.ts';
import { forEachParallel } from '../model/parallel.ts';
import { type Available, isGuessed } from '../model/plan.ts';
import { CLAIM_BYTES, isGzip, readClaim } from '../model/unpacked-size.ts';
import type { Planning } from './context.ts';

const MOST = 64; // layers to ask for: the largest have most of the bytes
const LEAST = 1024 ** 2; // compressed bytes; smaller ones do not matter
const PATIENCE = 3000;

/**
 * What the blobs of `images` claim to unpack to, by digest: those of layers whose size the node does not report. Asks the
 * registry for the end of the blob if neither the node nor the volume has it. Leaves out what does not come soon.
 */
export const claimedSizes = async (
  { node, volume, form, registry, request, signal }: Planning,
  images: readonly ResolvedImage[],
  there: Omit<Available, 'claims'>,
): Promise<ReadonlyMap<string, number>> => {
  const claims = new Map<string, number>();
  if (!form.layers) return claims;
  const soon = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
  const guessed = images
    .flatMap((image) => image.layers.map((layer) => ({ image, layer })))
    .filter(({ layer }) => isGzip(layer) && layer.size >= LEAST && isGuessed(layer.chainId, there));
  const distinct = [...new Map(guessed.map((each) => [each.layer.digest, each])).values()];
  const largest = distinct.toSorted((a, b) => b.layer.size - a.layer.size).slice(0, MOST);
  const folderOf = (digest: string): string | undefined => {
    if (there.blobs.has(digest)) return node.content;
    return there.blobsOnVolume.has(digest) ? volume : undefined;
  };
  const readEnd = ({ image, layer }: (typeof largest)[number]): Promise<Buffer> => {
    const folder = folderOf(layer.digest);
    return folder ? endOfFile(join(folder, blobPath(layer.digest)), layer) : endInRegistry(image, layer);
  };
  const endInRegistry = async ({ wanted: [first] }: ResolvedImage, layer: ResolvedLayer): Promise<Buffer> =>
    first ? registry.fetchEnd(first, layer, CLAIM_BYTES, soon) : Buffer.alloc(0);
  await forEachParallel(largest, request.parallel * 2, async (each) => {
    const claim = await readEnd(each).then(readClaim, () => undefined); // only a hint
    if (claim !== undefined) claims.set(each.layer.digest, claim);
  });
  signal.throwIfAborted();
  return claims;
};

const endOfFile = async (path: string, { size }: ResolvedLayer): Promise<Buffer> => {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(CLAIM_BYTES), 0, CLAIM_BYTES, size - CLAIM_BYTES);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
};
