import type { ChildProcess } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { decodeEvent, type NumberedEvent } from '../../src/model/events.ts';
import { type CaptureRequest, printRequest } from '../../src/model/request.ts';
import { binaryFolder, provide } from '../cluster/components.ts';
import { until } from '../cluster/machine/until.ts';
import { type ContainerdVersion, containerdSource } from '../cluster/node/config.ts';
import { defaultRequest } from './capture-request.ts';
import { outcome, type PrivateNode, startPrivateNode } from './private-node.ts';
import { sample } from './sample.ts';

const BUNDLE = resolve(import.meta.dirname, '../../dist/kubectl-preload');

/** The export half as it runs in the loader's pod. */
export interface Loader {
  /** all it has reported so far */
  events: NumberedEvent[];
  /** Resolves at once when it reports an event of this type; rejects if it ends without one. */
  reported(type: NumberedEvent['type']): Promise<void>;
  /** PID of its first process on this machine */
  pid(): Promise<number>;
  ended: Promise<Ended>;
  /** Kills all its processes at once, as a container runtime does; returns when all have exited. */
  kill(): Promise<void>;
}

export interface Ended {
  code: number | null;
  stderr: string;
  events: NumberedEvent[];
}

// what a pod's container is made of, as far as the loader can tell
const CONTAINER = `mount --rbind / "$0/host"; mount -t proc proc /proc
  exec "$@"`;

/** Starts a node with the cluster's pause image, whose files are in `folder`. */
export const startExportNode = async (folder: string, version: ContainerdVersion): Promise<PrivateNode> => {
  await provide([containerdSource(version)], console.error);
  const config = `[plugins."io.containerd.grpc.v1.cri"]\nsandbox_image = "${sample('pause:3.10')}"\n`;
  return startPrivateNode(folder, await binaryFolder(containerdSource(version)), config);
};

/** Starts to capture onto the volume at `path` of the node, in PID and mount namespaces of its own; `folder` is for files. */
export const startLoader = async (
  node: PrivateNode,
  folder: string,
  path: string,
  request: Partial<CaptureRequest>,
  ...flags: string[]
): Promise<Loader> => {
  await mkdir(join(folder, 'host'), { recursive: true });
  const file = await writeRequest(folder, request);
  const namespaces = ['unshare', '--pid', '--fork', '--kill-child', '--mount', '--propagation', 'private'];
  const loader = ['export', '--request', file, '--root', join(folder, 'host'), '--to', path, '--events', ...flags];
  const child = node.start([...namespaces, 'sh', '-euc', CONTAINER, folder, process.execPath, BUNDLE, ...loader]);
  return watch(child, async () => Number(await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')));
};

/** Captures as a user would on the node itself, where killing the process does not kill its children. */
export const startByHand = async (
  node: PrivateNode,
  folder: string,
  path: string,
  request: Partial<CaptureRequest>,
  ...flags: string[]
): Promise<Loader> => {
  const file = await writeRequest(folder, request);
  const argv = ['export', '--request', file, '--to', path, '--events', ...flags];
  const child = node.start([process.execPath, BUNDLE, ...argv]);
  return watch(child, async () => child.pid ?? 0);
};

const writeRequest = async (folder: string, request: Partial<CaptureRequest>): Promise<string> => {
  const file = join(folder, 'request.json.gz');
  await writeFile(file, gzipSync(printRequest({ ...defaultRequest, ...request })));
  return file;
};

/** `pid` returns the loader's first process, which `child` may have started. */
const watch = (child: ChildProcess, pid: () => Promise<number>): Loader => {
  const events: NumberedEvent[] = [];
  let rest = '';
  child.stdout?.on('data', (chunk) => {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    events.push(...lines.flatMap((line) => decodeEvent(line) ?? []));
  });
  const ended = outcome(child).then(({ code, stderr }) => ({ code, stderr, events }));
  const reported = (type: NumberedEvent['type']) =>
    new Promise<void>((resolve, reject) => {
      const look = () => events.some((event) => event.type === type) && resolve();
      child.stdout?.on('data', look);
      look();
      ended.then(
        ({ code, stderr }) => reject(new Error(`it ended with ${code} without the event ${type}: ${stderr}`)),
        reject,
      );
    });
  return { events, reported, pid, ended, kill: () => killFirst(child, pid) };
};

const killFirst = async (child: ChildProcess, pid: () => Promise<number>): Promise<void> => {
  const first = await pid().catch(() => 0);
  if (first > 0) process.kill(first, 'SIGKILL');
  await until('the end of the loader', () => child.exitCode !== null || child.signalCode !== null);
};
