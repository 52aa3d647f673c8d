const GROWTH = 4;

/**
 * Images that would make the volume absurdly large, as whoever wrote a manifest can claim any size. `needs` are bytes by
 * image, `expected` those of the volume as estimated. All that fit into such a volume are fine; larger ones as long as the
 * whole stays within four times of what these or the estimate take.
 */
export const oversized = <T>(needs: ReadonlyMap<T, number>, expected: number): T[] => {
  const ascending = [...needs].sort(([, a], [, b]) => a - b);
  const usual = ascending.filter(([, bytes]) => bytes <= expected).reduce((sum, [, bytes]) => sum + bytes, 0);
  const limit = GROWTH * Math.max(expected, usual);
  let total = 0;
  return ascending.flatMap(([image, bytes]) => {
    if (total + bytes > limit) return [image];
    total += bytes;
    return [];
  });
};

/** The three largest, with their sizes: `app (4.5Gi), db (1Gi)`. */
export const largestFirst = <T>(needs: ReadonlyMap<T, number>): [T, number][] =>
  [...needs].sort(([, a], [, b]) => b - a).slice(0, 3);
