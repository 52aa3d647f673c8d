import { rename, rm } from 'node:fs/promises';
import type { Descriptor } from '../model/oci.ts';
import { RegistryFailure } from './failure.ts';
import { openPartialFile, type PartialFile } from './partial-file.ts';
import type { Answer } from './transport.ts';

export interface BlobTarget {
  /** an unfinished download stays in `FILE.partial`, where a later call resumes it */
  file: string;
  /** gets the number of bytes added; it is negative if the download starts over */
  onBytes: (bytes: number) => void;
}

/**
 * Writes the blob to its file. `fill` completes what an earlier run left, and throws if it cannot. If it fails, the
 * partial file stays only if a later run can resume it.
 */
export const completeFile = async (
  { file, onBytes }: BlobTarget,
  blob: Descriptor,
  fill: (partial: PartialFile) => Promise<void>,
  signal: AbortSignal,
): Promise<void> => {
  const path = `${file}.partial`;
  const partial = await openPartialFile(path, onBytes, signal);
  try {
    if (!(await isWhole(partial, blob))) {
      if (partial.size() >= blob.size) await partial.restart();
      await fill(partial);
    }
    await rename(path, file);
  } catch (error) {
    const isFinal = error instanceof RegistryFailure && error.kind !== 'transient';
    if (isFinal || partial.size() === 0) await rm(path, { force: true });
    throw error;
  } finally {
    await partial.close();
  }
};

/** Downloads what is missing in `partial`; `ask` gets the request headers. Throws RegistryFailure. */
export const download = async (
  partial: PartialFile,
  blob: Descriptor,
  server: string,
  ask: (headers: Record<string, string>) => Promise<Answer>,
): Promise<void> => {
  const corrupt = async (): Promise<never> => {
    await partial.restart();
    throw new RegistryFailure('corrupt', `${server} returned content that does not match ${blob.digest}`);
  };
  if (await isWhole(partial, blob)) return; // the last try broke after the last byte
  const start = partial.size();
  const answer = await ask(start > 0 ? { range: `bytes=${start}-` } : {});
  if (answer.status === 200 && start > 0) await partial.restart();
  if (answer.status !== 200 && firstByte(answer) !== start) {
    await answer.discard();
    await corrupt();
  }
  for await (const data of answer.body) {
    if (partial.size() + data.length > blob.size) await corrupt();
    await partial.append(data);
  }
  if (partial.size() < blob.size)
    throw new RegistryFailure('transient', `${server} ended the download of ${blob.digest} early`);
  if (!(await isWhole(partial, blob))) await corrupt();
};

const isWhole = async (partial: PartialFile, { digest, size }: Descriptor): Promise<boolean> =>
  partial.size() === size && (await partial.digest()) === digest;

/** Returns the offset at which a partial answer starts, or NaN if the answer does not specify it. */
export const firstByte = ({ headers }: Answer): number =>
  Number(/^bytes (\d+)-/.exec([headers['content-range']].flat()[0] ?? '')?.[1]);
