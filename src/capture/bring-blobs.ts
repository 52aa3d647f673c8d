import type { BlobFetcher } from './blobs.ts';
import type { ResolvedImage } from './resolve.ts';

/** Brings the blobs of all layers onto the volume. Returns the images that have all of theirs; `onFailed` hears of the others. */
export const bringBlobs = async (
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
