import { performance } from 'node:perf_hooks';
import { run } from '../cluster/machine/run.ts';

export const REST = 10; // seconds for a disk to recover after gigabytes were written, as syncs take longer right afterwards

/** Seconds that `work` takes when nothing is in the page cache and the disk is at rest. */
export const coldSeconds = async (work: () => Promise<unknown>): Promise<number> => {
  await dropCaches(REST);
  return seconds(work);
};

/** Empties the page cache, after so many seconds of rest for the disk. */
export const dropCaches = (rest = 0): Promise<string> =>
  run(['sh', '-c', `sync; sleep ${rest}; echo 3 >/proc/sys/vm/drop_caches`]);

export const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const begin = performance.now();
  await work();
  return round((performance.now() - begin) / 1000);
};

export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

export const round = (value: number): number => Number(value.toPrecision(3));

export const log = (line: string): void => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`);
