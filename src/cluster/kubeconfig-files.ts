import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Environment } from '../net/proxy.ts';
import { type Kubeconfig, mergeKubeconfigs, parseKubeconfig } from './kubeconfig.ts';

/**
 * Returns the configuration that kubectl would use: only the file `flag`, or else all files in KUBECONFIG except those
 * that are `missing`. Throws if `flag` is missing or a file cannot be read; the message contains its path.
 */
export const loadKubeconfig = (
  flag: string | undefined,
  environment: Environment,
): { kubeconfig: Kubeconfig; missing: string[] } => {
  if (flag) return { kubeconfig: load(flag), missing: [] };
  const files = kubeconfigPaths(environment).map((path) => ({ path, content: loadIfThere(path) }));
  return {
    kubeconfig: mergeKubeconfigs(files.flatMap(({ content }) => content ?? [])),
    missing: environment.KUBECONFIG ? files.filter(({ content }) => !content).map(({ path }) => path) : [],
  };
};

/** Returns the files to merge; earlier files take precedence. */
export const kubeconfigPaths = ({ KUBECONFIG, HOME }: Environment): string[] => {
  if (KUBECONFIG) return [...new Set(KUBECONFIG.split(delimiter))].filter(Boolean);
  return HOME ? [join(HOME, '.kube', 'config')] : [];
};

const load = (path: string): Kubeconfig => {
  try {
    return parseKubeconfig(readFileSync(path, 'utf8'), path);
  } catch (error) {
    if (isMissing(error)) throw error; // its message contains the path
    throw new Error(`${path}: ${(error as Error).message}`);
  }
};

const loadIfThere = (path: string): Kubeconfig | undefined => {
  try {
    return load(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
};

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';
