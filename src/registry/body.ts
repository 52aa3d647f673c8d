import type { Dispatcher } from 'undici';
import { connectionFailure, RegistryFailure } from './failure.ts';
import { createPace } from './pace.ts';
import type { Patience } from './persist.ts';

type Body = Dispatcher.ResponseData['body'];

const SHORT = 64 * 1024;

/** Yields the body in pieces. Throws RegistryFailure if the connection breaks, or if `host` is slower than the least rate. */
export const readPieces = async function* (
  body: Body,
  host: string,
  patience: Patience,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const keepsUp = createPace(patience);
  let isSlow = false;
  let asked = performance.now();
  try {
    for await (const piece of body as AsyncIterable<Buffer>) {
      isSlow = !keepsUp(performance.now() - asked, piece.length);
      yield piece;
      if (isSlow) break;
      asked = performance.now();
    }
  } catch (error) {
    signal.throwIfAborted();
    throw connectionFailure(host, error as Error);
  }
  if (isSlow) {
    throw new RegistryFailure('transient', `${host} sends less than ${Math.round(patience.leastRate / 1024)} KiB/s`);
  }
};

/** Returns the whole body. Throws RegistryFailure if it has more than `limit` bytes. */
export const readAll = async (body: AsyncIterable<Buffer>, server: string, limit: number): Promise<Buffer> => {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of body) {
    size += part.length;
    if (size > limit) throw new RegistryFailure('corrupt', `${server} returned more than ${limit} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
};

/** Reads a short body to its end, so that its connection can be reused. Closes the connection if that would take longer. */
export const discard = async (body: Body, { connect }: Patience): Promise<void> => {
  await body.dump({ limit: SHORT, signal: AbortSignal.timeout(connect) }).catch(() => {});
};
