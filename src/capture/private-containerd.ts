import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'smol-toml';
import { PreloadError } from '../model/errors.ts';
import { type Ctr, diesWithUs, inNode, lowPriority, run, startDaemon, stopDaemon } from '../node/command.ts';
import { unmountBelow } from '../node/mount.ts';
import type { CHECK, WORK } from '../volume/format.ts';
import type { Capture } from './context.ts';

/** A second containerd with its store on the volume, so that the node's own store is not changed. */
export interface PrivateContainerd {
  ctr: Ctr;
  /** directory for temporary files, as a path in this process */
  work: string;
  /** its content store, as a path in this process */
  content: string;
  /** also deletes its store */
  stop: () => Promise<void>;
}

const NAMESPACE = 'preload';
const START_TIMEOUT = 20_000;

// These would serve the kubelet, or create sockets and directories outside the volume.
const DISABLED = [
  'io.containerd.grpc.v1.cri',
  'io.containerd.cri.v1.images',
  'io.containerd.cri.v1.runtime',
  'io.containerd.nri.v1.nri',
  'io.containerd.internal.v1.opt',
];

// Blobs and layers are added before an image refers to them.
const NO_GARBAGE_COLLECTION = { deletion_threshold: 0, mutation_threshold: 0, startup_delay: '8760h' };

/** Starts the node's containerd binary with its store in `folder` on the volume. Throws PreloadError if it does not start. */
export const startPrivateContainerd = async (
  { root, volume, volumeInNode, node }: Capture,
  folder: typeof WORK | typeof CHECK,
): Promise<PrivateContainerd> => {
  const work = join(volume, folder);
  const workInNode = join(volumeInNode, folder);
  const socket = join(workInNode, 'containerd.sock');
  const log = join(work, 'containerd.log');
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { mode: 0o700 });
  const config = {
    version: 2,
    root: join(workInNode, 'root'),
    state: join(workInNode, 'state'),
    disabled_plugins: DISABLED,
    grpc: { address: socket },
    plugins: { 'io.containerd.gc.v1.scheduler': NO_GARBAGE_COLLECTION },
  };
  await writeFile(join(work, 'config.toml'), stringify(config));
  const command = [
    ...(await diesWithUs(root)),
    ...(await lowPriority(root)),
    node.program,
    '-c',
    join(workInNode, 'config.toml'),
  ];
  const daemon = startDaemon(inNode(root, command), log);
  let failure: Error | undefined;
  daemon.once('error', (error) => {
    failure = error;
  });
  const ctr = inNode(root, [...node.ctrCommand, '--address', socket, '--namespace', NAMESPACE]);
  const deadline = Date.now() + START_TIMEOUT;
  for (;;) {
    // not "ctr version", which looks up the daemon's PID in the node's /proc instead of this pod's
    const problem = await run([...ctr, 'images', 'ls', '-q']).then(
      () => undefined,
      (error: Error) => error,
    );
    if (!problem) break;
    if (failure || daemon.exitCode !== null || Date.now() > deadline) {
      await stopDaemon(daemon);
      const reason = failure?.message ?? (await readFile(log, 'utf8')).trim().split('\n').at(-1);
      throw new PreloadError(
        `cannot start the node's containerd on the volume: ${problem.message}; ${reason}`,
        'specify its path with --containerd-path',
      );
    }
    await sleep(100);
  }
  const content = join(work, 'root', 'io.containerd.content.v1.content');
  const stop = async () => {
    await stopDaemon(daemon);
    await unmountBelow(work);
    await rm(work, { recursive: true });
  };
  return { ctr, work, content, stop };
};
