import { join } from 'node:path';
import { digestOf } from '../../model/oci.ts';
import { digestFile, FILE_SUMS, otherFiles, parseFileSums } from '../checksums.ts';
import type { Problems } from './problems.ts';
import { kindOf, readText } from './read.ts';

/** Checks all files except layers and blobs against the list of checksums. Returns the digest of that list. */
export const checkFiles = async (
  volume: string,
  problems: Problems,
  onBytes: (count: number) => void,
): Promise<string | undefined> => {
  const list = await readText(volume, FILE_SUMS);
  if (list === undefined) problems.add(FILE_SUMS, 'is missing');
  const sums = parseFileSums(list ?? '');
  for (const path of await otherFiles(volume)) {
    const sum = sums.get(path);
    if ((await kindOf(volume, path)) !== 'file') problems.add(path, 'is not a regular file');
    else if (list !== undefined && sum === undefined) problems.add(path, 'unexpected file');
    else if (sum !== undefined && (await digestOrProblem(volume, path, problems, onBytes)) !== sum) {
      problems.add(path, 'differs from what was captured');
    }
    sums.delete(path);
  }
  for (const path of sums.keys()) problems.add(path, 'is missing');
  return list && digestOf(list);
};

/** Digest of a file; undefined if it cannot be read, which is added to `problems`. */
export const digestOrProblem = async (
  volume: string,
  path: string,
  problems: Problems,
  onBytes?: (count: number) => void,
): Promise<string | undefined> => {
  try {
    return await digestFile(join(volume, path), onBytes);
  } catch (error) {
    problems.add(path, `cannot be read: ${(error as Error).message}`);
    return undefined;
  }
};
