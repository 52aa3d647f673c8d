import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

const CHUNK = 1024 * 1024;

/** A file that grows until it is complete, with a running hash. */
export interface PartialFile {
  size(): number;
  append(data: Buffer): Promise<void>;
  /** Empties the file. */
  restart(): Promise<void>;
  /** Flushes the file to disk and returns its `sha256:…`. */
  digest(): Promise<string>;
  close(): Promise<void>;
}

/** Opens `path` and keeps what an earlier run wrote. `onBytes` gets the number of bytes added, negative if removed. */
export const openPartialFile = async (
  path: string,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<PartialFile> => {
  const file = await open(path, 'a+');
  let hash = createHash('sha256');
  let size = 0;
  const count = (data: Buffer) => {
    hash.update(data);
    size += data.length;
    onBytes(data.length);
  };
  try {
    const buffer = Buffer.allocUnsafe(CHUNK); // one buffer for all reads; a stream allocates a new one for each
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, CHUNK, size);
      if (bytesRead === 0) break;
      count(buffer.subarray(0, bytesRead));
    }
  } catch (error) {
    await file.close();
    throw error;
  }
  return {
    size: () => size,
    append: async (data) => {
      await file.appendFile(data);
      count(data);
    },
    restart: async () => {
      await file.truncate();
      onBytes(-size);
      hash = createHash('sha256');
      size = 0;
    },
    digest: async () => {
      await file.datasync();
      return `sha256:${hash.copy().digest('hex')}`;
    },
    close: () => file.close(),
  };
};
