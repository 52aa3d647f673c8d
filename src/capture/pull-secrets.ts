import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PullSecret } from '../registry/credentials.ts';

/** Reads the pull secrets in `folder`, one per file NAMESPACE.NAME. */
export const readPullSecrets = async (folder: string): Promise<PullSecret[]> => {
  const files = (await readdir(folder)).filter((file) => !file.startsWith('..')); // the kubelet's own files
  return Promise.all(
    files.map(async (file) => {
      const dot = file.indexOf('.');
      const config = await readFile(join(folder, file), 'utf8');
      return { namespace: file.slice(0, dot), name: file.slice(dot + 1), config };
    }),
  );
};
