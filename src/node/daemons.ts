import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pathHere } from './files.ts';

/** A daemon that runs on the node. */
export interface NodeDaemon {
  pid: number;
  argv: string[];
  environment: Record<string, string>;
}

/**
 * Returns root's daemons with one of these names on the node at `root`, the one with the lowest PID first: root runs what
 * they say. Skips those that see another /run: they belong to another node, such as one that runs in a container.
 */
export const daemonsOf = async (root: string, names: readonly string[]): Promise<NodeDaemon[]> => {
  const running = join(root, 'proc');
  const pids = (await readdir(running).catch(() => [])).map(Number).filter((pid) => pid > 0);
  const ours = await identity(await pathHere(root, '/run'));
  const found: NodeDaemon[] = [];
  for (const pid of pids.sort((a, b) => a - b)) {
    const read = (file: string) => readFile(join(running, `${pid}`, file), 'utf8').catch(() => '');
    if (!names.includes((await read('comm')).trim()) || !OF_ROOT.test(await read('status'))) continue;
    if ((await identity(await pathHere(join(running, `${pid}`, 'root'), '/run'))) !== ours) continue;
    found.push({ pid, argv: fields(await read('cmdline')), environment: parse(await read('environ')) });
  }
  return found;
};

const OF_ROOT = /^Uid:\t0\t0\t0\t0$/m;

/** Returns the value of `--flag=value` or `--flag value` under any of these names. */
export const flagOf = (argv: readonly string[], ...names: string[]): string | undefined => {
  for (const flag of names) {
    const index = argv.findIndex((argument) => argument === flag || argument.startsWith(`${flag}=`));
    const argument = argv[index];
    if (argument !== undefined) return argument === flag ? argv[index + 1] : argument.slice(flag.length + 1);
  }
  return undefined;
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
