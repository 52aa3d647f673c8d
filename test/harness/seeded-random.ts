import { randomInt } from 'node:crypto';

/** Of this process; tests print it, and `SEED=N` repeats what failed. */
export const seed = Number(process.env.SEED || randomInt(2 ** 31));

/** Numbers from 0 to less than 1, the same for the same seed (mulberry32), so that what failed can be run again. */
export const seededRandom = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};
