import { setTimeout as sleep } from 'node:timers/promises';
import type { Passage } from '../node/command.ts';

/** Shares a rate among all that read: gets the bytes that one of them has read; returns for how many milliseconds it must pause. */
export type RateLimit = (bytes: number) => number;

const CREDIT = 100; // milliseconds that count later if nobody reads, because timers are late

/** Never allows more bytes than `bytesPerSecond` in the time since the first and another 0.1 s. */
export const limitRate = (bytesPerSecond: number, now: () => number = () => performance.now()): RateLimit => {
  let paidUntil = Number.NEGATIVE_INFINITY;
  return (bytes) => {
    const time = now();
    paidUntil = Math.max(paidUntil, time - CREDIT) + (bytes * 1000) / bytesPerSecond;
    return Math.max(0, paidUntil - time);
  };
};

/** Lets pieces pass no faster than that. */
export const limited = (limit: RateLimit, signal: AbortSignal): Passage =>
  async function* (pieces) {
    for await (const piece of pieces) {
      await sleep(limit(piece.length), undefined, { signal });
      yield piece;
    }
  };
