const LONG = process.env.LONG === '1'; // as `npm run test:long` sets it

/**
 * How often a test repeats what differs only by chance, such as the moment of a kill: `long` times in `npm run test:long`,
 * `short` times otherwise. Cases that differ in kind are not repetitions and always run.
 */
export const repetitions = (long: number, short = 1): number => (LONG ? long : short);
