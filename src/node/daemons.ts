import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pathHere } from './files.ts';

/** How a daemon on the node was started. */
export interface NodeDaemon {
  argv: string[];
  environment: Record<string, string>;
}

/**
 * Returns the daemon `name` with the lowest PID on the node at `root`. Skips daemons that see another directory at the
 * path `own`: they belong to another node, such as one that runs in a container.
 */
export const findDaemon = async (root: string, name: string, own: string): Promise<NodeDaemon | undefined> => {
  const running = join(root, 'proc');
  const pids = (await readdir(running).catch(() => [])).map(Number).filter((pid) => pid > 0);
  const ours = await identity(await pathHere(root, own));
  for (const pid of pids.sort((a, b) => a - b)) {
    const read = (file: string) => readFile(join(running, `${pid}`, file), 'utf8').catch(() => '');
    if ((await read('comm')).trim() !== name) continue;
    const seen = await identity(await pathHere(join(running, `${pid}`, 'root'), own));
    if (seen === ours) return { argv: fields(await read('cmdline')), environment: parse(await read('environ')) };
  }
  return undefined;
};

/** Returns the value of `--flag=value` or `--flag value`. */
export const flagOf = ({ argv }: NodeDaemon, flag: string): string | undefined => {
  const index = argv.findIndex((argument) => argument === flag || argument.startsWith(`${flag}=`));
  const argument = argv[index];
  return argument === flag ? argv[index + 1] : argument?.slice(flag.length + 1);
};

const identity = (path: string): Promise<string | undefined> =>
  stat(path).then(
    ({ dev, ino }) => `${dev}:${ino}`,
    () => undefined,
  );

const fields = (text: string): string[] => text.split('\0').slice(0, -1);

const parse = (environ: string): Record<string, string> =>
  Object.fromEntries(
    fields(environ).map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
