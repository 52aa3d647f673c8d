import { createReadStream } from 'node:fs';
import type { Context } from '../cli/context.ts';
import { PreloadError, reasonOf } from '../model/errors.ts';
import { formatBytes } from '../model/units.ts';

const MAX_TEXT = 64 * 1024 ** 2; // bytes; a list of 10,000 pods as JSON has about as many

export const STDIN = '-';

/** How messages call a file that the user specified. */
export const fileName = (path: string): string => (path === STDIN ? 'standard input' : path);

/** Returns the text of a file, or of standard input for `-`. Throws PreloadError if it is too large or not text. */
export const readText = async (path: string, { stdin, signal }: Pick<Context, 'stdin' | 'signal'>): Promise<string> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of untilAborted(path === STDIN ? stdin : openFile(path, signal), signal)) {
    chunks.push(Buffer.from(chunk));
    bytes += chunk.length;
    if (bytes > MAX_TEXT) throw new PreloadError(`${fileName(path)} has more than ${formatBytes(MAX_TEXT)}`);
  }
  const text = Buffer.concat(chunks).toString();
  if (text.includes('\0')) throw new PreloadError(`${fileName(path)} is not a text file`);
  return text.replace(/^\uFEFF/, '');
};

const openFile = async function* (path: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path, { signal });
  } catch (error) {
    signal.throwIfAborted();
    if (isDirectory(error)) throw new PreloadError(`${path} is a directory`, 'specify each file with --from-file');
    throw new PreloadError(`cannot read the file: ${reasonOf(error as Error)}`, 'check --from-file');
  }
};

const isDirectory = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EISDIR';

/** Yields the chunks of `input`, but does not wait for the next one after the signal: a terminal may never send one. */
const untilAborted = async function* <T>(input: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort);
  const chunks = input[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await Promise.race([chunks.next(), aborted.promise]);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    void chunks.return?.();
  }
};
