import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import type { PreloadSummary } from '../../../src/model/summary.ts';
import { ENVIRONMENT } from '../../cluster/machine/daemons.ts';
import { run } from '../../cluster/machine/run.ts';
import { until } from '../../cluster/machine/until.ts';
import { enter } from '../../cluster/node/daemons.ts';
import { type Cluster, readCluster, STATE } from '../../cluster/state.ts';
import { type Outcome, outcome } from '../../harness/private-node.ts';

const CLUSTER = [process.execPath, join(import.meta.dirname, '../../cluster/main.ts')];

/** Fails with what kubectl says. */
export const kubectl = (args: readonly string[], input?: object): Promise<string> =>
  run(['kubectl', ...args], input ? { input: JSON.stringify(input) } : {});

export const createNamespace = (name: string): Promise<string> => kubectl(['create', 'namespace', name]);

/** Deletes everything in the namespaces, and waits until it is gone. */
export const deleteNamespaces = (...names: string[]): Promise<string> =>
  kubectl(['delete', 'namespace', ...names, '--ignore-not-found', '--timeout=120s']);

/** Starts the plugin as a user would, through kubectl. */
export const startPreload = (args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess =>
  spawn('kubectl', ['preload', ...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });

export const preload = (args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Outcome> =>
  outcome(startPreload(args, env));

/** Captures `images`; fails unless the plugin ends well. */
export const createPreload = async (namespace: string, name: string, args: readonly string[]): Promise<Outcome> => {
  const created = await preload(['create', name, '-n', namespace, ...args]);
  assert.equal(created.code, 0, created.stderr);
  return created;
};

export const status = async (namespace: string, name: string): Promise<PreloadSummary> =>
  JSON.parse((await preload(['status', name, '-n', namespace, '-o', 'json'])).stdout);

/** Resolves once a running command has written `text`. */
export const said = (stream: Readable | null, text: string): Promise<void> =>
  new Promise((resolve, reject) => {
    let all = '';
    stream?.on('data', (chunk) => {
      all += chunk;
      if (all.includes(text)) resolve();
    });
    stream?.once('close', () => reject(new Error(`ended before it said "${text}": ${all}`)));
  });

/** Starts a shell command on a terminal; what it writes comes on standard output, what is typed goes to standard input. */
export const startOnTerminal = (command: string, env: NodeJS.ProcessEnv = {}, columns = 100): ChildProcess => {
  const script = ['--quiet', '--return', '--command', `stty columns ${columns}; ${command}`, '/dev/null'];
  return spawn('script', script, { env: { ...process.env, CI: '', TERM: 'xterm-256color', ...env } });
};

/** Calls the test cluster's own command line, such as `registry stop`. */
export const cluster = (...args: string[]): Promise<Outcome> =>
  outcome(spawn(CLUSTER[0] ?? '', [...CLUSTER.slice(1), ...args], { stdio: ['ignore', 'pipe', 'pipe'] }));

/** Boots a node whose disk, if any, is a clone of the snapshot; returns the outcome of restore.sh. */
export const addNode = async (name: string, containerd: string, snapshot?: string, restore = ''): Promise<Outcome> => {
  const disk = snapshot === undefined ? [] : ['--snapshot', snapshot, '--restore', restore];
  return addNodeWith(name, '--containerd', containerd, ...disk);
};

export const addNodeWith = async (name: string, ...flags: string[]): Promise<Outcome> => {
  const added = await cluster('node', 'add', name, ...flags);
  assert.equal(added.code, 0, added.stderr);
  return added;
};

export const removeNode = (name: string): Promise<Outcome> => cluster('node', 'rm', name);

/** Runs a command on a node and returns its standard output. */
export const onNode = async (node: string, argv: readonly string[]): Promise<string> =>
  run([...(await enter((await readCluster(STATE)) as Cluster, node)), ...argv], { env: ENVIRONMENT });

/** Starts a command on a node. */
export const startOnNode = async (node: string, argv: readonly string[]): Promise<ChildProcess> => {
  const [command = '', ...args] = [...(await enter((await readCluster(STATE)) as Cluster, node)), ...argv];
  return spawn(command, args, { env: ENVIRONMENT });
};

/** Waits until `read` returns `expected`; shows the difference if it never does. */
export const becomes = async <T>(expected: T, read: () => Promise<T>, seconds = 180): Promise<void> => {
  let last: T | undefined;
  const equal = async () => {
    last = await read();
    return isDeepStrictEqual(last, expected);
  };
  await until('equality', equal, seconds).catch(() => assert.deepEqual(last, expected));
};
