import type { Patience } from './persist.ts';

const SLICES = 8; // of a window

/** Gets how long some bytes took to arrive. Returns whether the server keeps up with the least rate. */
type Pace = (milliseconds: number, bytes: number) => boolean;

/**
 * Measures the rate of one answer over a sliding window. Only time spent waiting for the server counts: a slow disk is not
 * its fault.
 */
export const createPace = ({ window, leastRate }: Patience): Pace => {
  const slice = window / SLICES;
  let complete: number[] = []; // bytes in each slice of the window, oldest first
  let newest = 0; // bytes in the slice that has just begun
  let waited = 0; // milliseconds in that slice
  return (milliseconds, bytes) => {
    for (waited += milliseconds; waited >= slice; waited -= slice) {
      complete = [...complete, newest].slice(-SLICES);
      newest = 0;
    }
    newest += bytes;
    const arrived = complete.reduce((sum, more) => sum + more, newest);
    return complete.length < SLICES || arrived >= (leastRate * window) / 1000;
  };
};
