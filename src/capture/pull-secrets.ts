import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, parseJson } from '../model/parse.ts';
import { type PullSecret, SHARED_LOGINS } from '../model/pull-secret.ts';

/** Reads the pull secrets in `folder`, where the loader's secrets are mounted. */
export const mountedPullSecrets = async (folder: string): Promise<PullSecret[]> => {
  const files = (await readdir(folder)).filter((file) => !file.startsWith('..')); // the kubelet's own files
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  return texts.flatMap((text) => {
    const { secrets, auths } = parse(SHARED_LOGINS, parseJson(text));
    const config = JSON.stringify({ auths });
    return secrets.map((secret) => ({ ...secret, config }));
  });
};
