/** Random whole numbers from `start` to below `end`, one in each of `count` equal parts, so that few are well spread, too. */
export const randomMoments = (count: number, start: number, end: number): number[] =>
  Array.from({ length: count }, (_, part) => Math.floor(start + ((end - start) * (part + Math.random())) / count));
