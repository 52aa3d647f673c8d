import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PreloadError } from '../model/errors.ts';
import { type Ctr, inNode, run, startDaemon, stopDaemon } from './ctr.ts';

/** A containerd of our own that keeps its store on the volume, so that the node's is never touched. */
export interface PrivateContainerd {
  ctr: Ctr;
  /** its store, as a path of this process */
  store: string;
  stop: () => Promise<void>;
}

export const WORK = '.work';
const NAMESPACE = 'preload';
const START_TIMEOUT = 20_000;

// Off: whatever would pull for the kubelet, or put sockets and folders outside the volume.
const DISABLED = [
  'io.containerd.grpc.v1.cri',
  'io.containerd.cri.v1.images',
  'io.containerd.cri.v1.runtime',
  'io.containerd.nri.v1.nri',
  'io.containerd.internal.v1.opt',
];

/**
 * Starts the node's own containerd binary on the volume, which this process sees at `volume` and the node's root at
 * `volumeInNode`.
 */
export const startPrivateContainerd = async (
  root: string,
  volume: string,
  volumeInNode: string,
): Promise<PrivateContainerd> => {
  const work = join(volume, WORK);
  const workInNode = join(volumeInNode, WORK);
  const socket = join(workInNode, 'containerd.sock');
  const log = join(work, 'containerd.log');
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { mode: 0o700 });
  await writeFile(
    join(work, 'config.toml'),
    [
      'version = 2',
      `root = ${JSON.stringify(join(workInNode, 'root'))}`,
      `state = ${JSON.stringify(join(workInNode, 'state'))}`,
      `disabled_plugins = ${JSON.stringify(DISABLED)}`,
      '[grpc]',
      `address = ${JSON.stringify(socket)}`,
      '',
    ].join('\n'),
  );
  const daemon = startDaemon(inNode(root, ['containerd', '-c', join(workInNode, 'config.toml')]), log);
  let failure: Error | undefined;
  daemon.once('error', (error) => {
    failure = error;
  });
  const ctr = inNode(root, ['ctr', '--address', socket, '--namespace', NAMESPACE]);
  const deadline = Date.now() + START_TIMEOUT;
  while (
    !(await run([...ctr, 'version']).then(
      () => true,
      () => false,
    ))
  ) {
    if (failure || daemon.exitCode !== null || Date.now() > deadline) {
      await stopDaemon(daemon);
      const said = failure?.message ?? (await readFile(log, 'utf8')).trim().split('\n').at(-1);
      throw new PreloadError(`the node's containerd does not start on the volume: ${said}`);
    }
    await sleep(100);
  }
  return { ctr, store: join(work, 'root'), stop: () => stopDaemon(daemon) };
};
