import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { PreloadError, reasonOf } from '../model/errors.ts';

/** The file that this process runs, gzipped, for the loader to run too; in development, what the build wrote. */
export const gzippedBundle = async (script: string): Promise<Buffer> => {
  const bundle = script.endsWith('.ts') ? new URL('../../dist/kubectl-preload', import.meta.url) : script;
  const data = await readFile(bundle).catch((error: Error) => {
    throw new PreloadError(
      `cannot read the tool's own bundle: ${reasonOf(error)}`,
      script.endsWith('.ts') ? 'build it: npm run build' : 'install kubectl preload again',
    );
  });
  return gzipSync(data, { level: 9 });
};
