import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseSecretKey } from '../manifests/loader.ts';
import type { PullSecret } from '../registry/credentials.ts';

/** Reads the pull secrets in `folder`, where the loader's secret is mounted. */
export const mountedPullSecrets = async (folder: string): Promise<PullSecret[]> => {
  const files = (await readdir(folder)).filter((file) => !file.startsWith('..')); // the kubelet's own files
  return Promise.all(
    files.map(async (file) => {
      return { ...parseSecretKey(file), config: await readFile(join(folder, file), 'utf8') };
    }),
  );
};
