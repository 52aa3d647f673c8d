import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { ensurePackages } from '../../cluster/machine/apt.ts';
import { until } from '../../cluster/machine/until.ts';
import type { PrivateNode } from '../../harness/private-node.ts';

export interface NodeWatch {
  /** what has appeared, changed or gone so far, even if only for a moment */
  changes: string[];
  /** Ends the watch, once it has proved that it would have noticed. */
  end: () => Promise<void>;
}

const PROBE = 'preload-probe';

/** Watches /etc and /var of a node whose files are in `folder`. */
export const watchNode = async (node: PrivateNode, folder: string): Promise<NodeWatch> => {
  await ensurePackages(['inotify-tools'], console.error);
  // without a trace: its time stays the same
  const touch = () => node.run(['touch', '--date=@0', `/etc/${PROBE}`, `/var/${PROBE}`]);
  await touch();
  const events = 'create,delete,modify,attrib,move';
  const written = ['etc/upper', 'var'].map((name) => join(folder, name)); // where it is kept
  // not by fs.watch, which misses files that are gone a moment later
  const watcher = spawn('inotifywait', ['--monitor', '--recursive', '--event', events, '--format', '%w%f', ...written]);
  let [lines, ready] = ['', ''];
  watcher.stdout.on('data', (chunk) => {
    lines += chunk;
    const complete = lines.split('\n');
    lines = complete.pop() ?? '';
    for (const path of complete) {
      if (path.endsWith(PROBE)) noticed.add(path);
      else changes.push(path.slice(folder.length + 1));
    }
  });
  watcher.stderr.on('data', (chunk) => {
    ready += chunk;
  });
  const changes: string[] = [];
  const noticed = new Set<string>();
  await until('the watch', async () => ready.includes('Watches established'));
  const end = async (): Promise<void> => {
    await touch();
    await until('the watch to notice a change', async () => noticed.size === written.length);
    watcher.kill();
    await once(watcher, 'exit');
  };
  return { changes, end };
};
