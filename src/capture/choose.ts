import { PreloadError } from '../model/errors.ts';
import { oversized } from '../model/growth.ts';
import type { ResolvedImage } from '../model/image.ts';
import { roundUpToGibibytes } from '../model/units.ts';
import type { Planning } from './context.ts';
import { giveUp } from './resolve.ts';

/** Whether the capture fails without the image. */
export const isRequired = ({ wanted }: ResolvedImage): boolean => wanted.some(({ required }) => required);

/** So that a blob that images share is fetched for one that must not be skipped. */
export const requiredFirst = (images: readonly ResolvedImage[]): ResolvedImage[] =>
  images.toSorted((a, b) => Number(isRequired(b)) - Number(isRequired(a)));

/**
 * Gives up on images whose first layer claims to be one that stands on others, which are `deeper`. Nobody can build such a
 * layer, and it would break the images that have the real one, on this volume and on nodes.
 */
export const withoutImpostors = (
  capture: Planning,
  images: readonly ResolvedImage[],
  deeper: ReadonlySet<string>,
): ResolvedImage[] =>
  images.filter(({ layers, wanted }) => {
    const isImpostor = deeper.has(layers[0]?.chainId ?? '');
    if (isImpostor) giveUp(capture, wanted, new PreloadError('its first layer claims to be a layer of another image'));
    return !isImpostor;
  });

/** Gives up on images that would make the volume absurdly large. `needs` are bytes by image, `free` those of the volume. */
export const withoutOversized = (
  capture: Planning,
  needs: ReadonlyMap<ResolvedImage, number>,
  free: number,
): ResolvedImage[] => {
  const { request, remedies } = capture;
  const tooLarge = new Set(oversized(needs, request.estimate ?? free).filter((image) => !isRequired(image)));
  for (const image of tooLarge) {
    const size = roundUpToGibibytes(needs.get(image) ?? 0);
    const reason = `it needs ${size}, far more than expected; to capture it, ${remedies.largerVolume()}`;
    giveUp(capture, image.wanted, new PreloadError(reason));
  }
  return [...needs.keys()].filter((image) => !tooLarge.has(image));
};
