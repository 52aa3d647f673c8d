import { watch } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../cluster/until.ts';
import type { PrivateNode } from '../../harness/private-node.ts';

export interface NodeWatch {
  /** what has appeared, changed or gone so far, even if only for a moment */
  changes: string[];
  /** Ends the watch, once it has proved that it would have noticed. */
  end: () => Promise<void>;
}

const PROBE = 'preload-probe';

/** Watches /etc and /var of a node whose files are in `folder`: what is written there goes to these upper folders. */
export const watchNode = (node: PrivateNode, folder: string): NodeWatch => {
  const changes: string[] = [];
  const noticed = new Set<string>();
  const watchers = ['etc', 'var'].map((name) =>
    watch(join(folder, name, 'upper'), { recursive: true }, (_event, path) => {
      if (path === PROBE) noticed.add(name);
      else changes.push(join(name, path ?? ''));
    }),
  );
  const end = async (): Promise<void> => {
    await node.run(['sh', '-c', `for name in etc var; do : >/$name/${PROBE}; rm /$name/${PROBE}; done`]);
    await until('the watch to notice a change', async () => noticed.size === watchers.length);
    for (const watcher of watchers) watcher.close();
  };
  return { changes, end };
};
