/** Random integers from `start` to below `end`, one in each of `count` equal parts, so that even a few are well spread. */
export const randomMoments = (count: number, start: number, end: number, random: () => number): number[] =>
  Array.from({ length: count }, (_, part) => Math.floor(start + ((end - start) * (part + random())) / count));
