import { spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ADMIN, CLUSTER, folder, kubectl, proxies, save } from './login-parts.ts';

/** A kubeconfig and an environment. */
export interface Row {
  /** fields of the cluster, besides those of the admin's kubeconfig */
  cluster?: object;
  user?: object;
  /** kubeconfigs instead of one with `cluster` and `user` */
  files?: object[];
  env?: Record<string, string | undefined>;
  flags?: string[];
  /** runs in a pod, whose service account has these files */
  pod?: Record<string, string>;
  /** what a proxy forwards */
  through?: string;
  /** runs in a terminal, where the user types this */
  types?: string;
}

interface Answer {
  stdout: string;
  stderr: string;
  /** what proxies forwarded */
  forwarded: string;
}

export const entry = (kind: string, name: string, fields: object): object => ({
  [`${kind}s`]: [{ name, [kind]: fields }],
});

/** The current context. */
export const context = (cluster: string, user: string, namespace?: string): object => ({
  'current-context': 'c',
  ...entry('context', 'c', { cluster, user, namespace }),
});

let count = 0;

/** Runs kubectl with `argv`, and our program that asks who it is, in the same environment. */
export const answers = async (row: Row, argv: string[]): Promise<{ theirs: Answer; ours: Answer }> => {
  const { cluster, user = ADMIN, env = {}, flags = [], pod, types } = row;
  count += 1;
  const own = {
    ...context('x', 'y'),
    ...entry('cluster', 'x', { ...CLUSTER, ...cluster }),
    ...entry('user', 'y', user),
  };
  const paths = await Promise.all(
    (row.files ?? [own]).map((file, i) => save(`config/${count}-${i}`, JSON.stringify(file))),
  );
  const environment = { PATH: process.env.PATH, HOME: folder, KUBECONFIG: paths.join(delimiter), ...env };
  const inside = pod ? await enterPod(pod) : [];
  const run = async (program: string[]) => {
    for (const { forwarded } of proxies) forwarded.length = 0;
    const all = [...inside, ...program, ...flags];
    const [command = '', ...args] = types ? inTerminal(all) : all;
    const child = spawn(command, args, { env: environment, timeout: 30_000 });
    child.stdin.end(types);
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { stdout, stderr, forwarded: [...new Set(proxies.flatMap(({ forwarded }) => forwarded))].join() };
  };
  const theirs = await run([kubectl, ...argv, '-v=6']);
  const ours = await run([process.execPath, join(import.meta.dirname, 'whoami.ts')]);
  return { theirs, ours };
};

/** Runs `argv` in a terminal. Its standard output stays apart; what the terminal shows becomes standard error. */
const inTerminal = (argv: string[]): string[] => {
  const command = `${argv.map(quote).join(' ')} >&3`;
  return ['sh', '-c', `exec 3>&1; exec script -qec ${quote(command)} /dev/null >&2`];
};

const quote = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** A command that enters a machine whose pod has these files. */
const enterPod = async (files: Record<string, string>): Promise<string[]> => {
  for (const [name, content] of Object.entries(files)) await save(`pod-${count}/${name}`, content);
  const script = `mount -t tmpfs none /run
    mkdir -p /run/secrets/kubernetes.io && cp -r ${folder}/pod-${count} /run/secrets/kubernetes.io/serviceaccount
    exec "$@"`;
  return ['unshare', '--mount', 'sh', '-ec', script, 'sh'];
};
