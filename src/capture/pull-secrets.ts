import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PreloadError } from '../model/errors.ts';
import { parse, parseJson } from '../model/parse.ts';
import { type PullSecret, SHARED_LOGINS, type SharedLogins } from '../model/pull-secret.ts';

/** Reads the pull secrets in `folder`, where the loader's secrets are mounted. Throws PreloadError if a file is invalid. */
export const mountedPullSecrets = async (folder: string): Promise<PullSecret[]> => {
  const files = (await readdir(folder)).filter((file) => !file.startsWith('..')); // the kubelet's own files
  const read = await Promise.all(files.map((file) => readLogins(join(folder, file))));
  return read.flatMap(({ secrets, auths }) => {
    const config = JSON.stringify({ auths });
    return secrets.map((secret) => ({ ...secret, config }));
  });
};

const readLogins = async (file: string): Promise<SharedLogins> => {
  const text = await readFile(file, 'utf8');
  try {
    return parse(SHARED_LOGINS, parseJson(text));
  } catch {
    throw new PreloadError(`${file} does not contain logins`); // the reason could quote a secret
  }
};
