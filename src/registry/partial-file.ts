import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

const CHUNK = 1024 * 1024;

/** A file that grows until it is complete, and the hash of what it has. */
export interface PartialFile {
  size(): number;
  append(data: Buffer): Promise<void>;
  /** Empties it. */
  restart(): Promise<void>;
  /** `sha256:…` of all it has, which is on the disk by then. */
  digest(): Promise<string>;
  close(): Promise<void>;
}

/** Opens `path` with what an earlier run left there; `onBytes` is told how many bytes more, or fewer, it has. */
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
    const buffer = Buffer.allocUnsafe(CHUNK); // one for all: streams leave a new one behind with every read
    for (let read = CHUNK; read > 0; ) {
      signal.throwIfAborted();
      ({ bytesRead: read } = await file.read(buffer, 0, CHUNK, size));
      count(buffer.subarray(0, read));
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
