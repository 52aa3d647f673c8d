import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { logFile } from './machine/daemons.ts';
import type { Cluster } from './state.ts';

/** Writes a component's log to stdout. */
export const showLog = async (cluster: Cluster, component: string | undefined): Promise<void> => {
  const text = component && (await readFile(logFile(cluster, component), 'utf8').catch(() => undefined));
  if (text === undefined || component === undefined) {
    throw new Error(`name one of ${(await components(cluster)).join(' ')}`);
  }
  process.stdout.write(text);
};

const components = async ({ folder }: Cluster): Promise<string[]> => {
  const files = await readdir(join(folder, 'logs'), { recursive: true });
  return files
    .filter((file) => file.endsWith('.log'))
    .map((file) => file.slice(0, -'.log'.length))
    .sort();
};
