import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'smol-toml';
import { PreloadError } from '../model/errors.ts';
import { type Ctr, inNode, run, startDaemon, stopDaemon } from '../node/command.ts';
import { diesWithUs, lowPriority } from '../node/command-prefixes.ts';
import { PRIVATE_CONFIG } from '../node/find-containerd.ts';
import { mountMemory, unmountBelow } from '../node/mount.ts';
import { CHECK, WORK } from '../volume/format.ts';
import type { Capture } from './context.ts';

/** A second containerd with a store of its own, so that the node's store is not changed. */
export interface PrivateContainerd {
  ctr: Ctr;
  namespace: string;
  /** directory for temporary files, as a path in this process */
  work: string;
  /** the same on the node */
  workInNode: string;
  /** its root, as a path in this process */
  store: string;
  /** as a path in this process */
  socket: string;
  /** ends it, and leaves its store */
  end: () => Promise<void>;
  /** ends it, and deletes its store */
  stop: () => Promise<void>;
}

interface Purpose {
  /** on the volume */
  folder: string;
  namespace: string;
  /** its store is in memory, where nothing has to reach a disk, and it has CRI, which treats images as for a kubelet */
  asNode: boolean;
}

const PURPOSES = {
  /** unpacks blobs */
  unpack: { folder: WORK, namespace: 'preload', asNode: false },
  /** imports documents, only to check them */
  check: { folder: CHECK, namespace: 'preload', asNode: false },
  /** builds the store that new nodes get */
  seed: { folder: CHECK, namespace: 'k8s.io', asNode: true },
} satisfies Record<string, Purpose>;

const START_TIMEOUT = 20_000;

// These would create sockets and directories outside the volume, or take the node's plugins away from its containerd.
const DISABLED = ['io.containerd.nri.v1.nri', 'io.containerd.internal.v1.opt'];
const CRI = 'io.containerd.grpc.v1.cri';
// This would serve the kubelet.
const CRI_PLUGINS = [CRI, 'io.containerd.cri.v1.images', 'io.containerd.cri.v1.runtime'];

// Blobs and layers are added before an image refers to them.
const NO_GARBAGE_COLLECTION = { deletion_threshold: 0, mutation_threshold: 0, startup_delay: '8760h' };

/** Starts the node's containerd binary with its store in a folder of the volume. Throws PreloadError if it does not start. */
export const startPrivateContainerd = async (
  { root, volume, volumeInNode, node }: Capture,
  purpose: keyof typeof PURPOSES,
): Promise<PrivateContainerd> => {
  const { folder, namespace, asNode } = PURPOSES[purpose];
  const place = asNode ? join(folder, 'memory') : folder;
  const workInNode = join(volumeInNode, place);
  // what is mounted in the volume is there only on the path that the node's programs use
  const work = asNode ? join(root, workInNode) : join(volume, place);
  const remove = async () => {
    await unmountBelow(asNode ? join(root, volumeInNode, folder) : work);
    await rm(join(volume, folder), { recursive: true, force: true });
  };
  await remove();
  await mkdir(join(volume, place), { mode: 0o700, recursive: true });
  if (asNode) await mountMemory(work);
  const socket = join(workInNode, 'containerd.sock');
  const log = join(work, 'containerd.log');
  const cni = { conf_dir: join(workInNode, 'cni/conf'), bin_dir: join(workInNode, 'cni/bin') };
  const { sandbox } = node.config;
  const config = {
    version: 2,
    root: join(workInNode, 'root'),
    state: join(workInNode, 'state'),
    disabled_plugins: asNode ? DISABLED : [...DISABLED, ...CRI_PLUGINS],
    grpc: { address: socket },
    plugins: {
      'io.containerd.gc.v1.scheduler': NO_GARBAGE_COLLECTION,
      ...(asNode && { [CRI]: { cni, ...(sandbox && { sandbox_image: sandbox }) } }),
    },
  };
  await writeFile(join(work, PRIVATE_CONFIG), stringify(config));
  const command = [
    ...(await diesWithUs(root)),
    ...(await lowPriority(root)),
    node.program,
    '-c',
    join(workInNode, PRIVATE_CONFIG),
  ];
  const daemon = startDaemon(inNode(root, command), log);
  let failure: Error | undefined;
  daemon.once('error', (error) => {
    failure = error;
  });
  const end = () => stopDaemon(daemon);
  const stop = async () => {
    await end();
    await remove();
  };
  const ctr = inNode(root, [...node.ctrCommand, '--address', socket, '--namespace', namespace]);
  const deadline = Date.now() + START_TIMEOUT;
  for (;;) {
    // not "ctr version", which looks up the daemon's PID in the node's /proc instead of this pod's
    const problem = await run([...ctr, 'images', 'ls', '-q']).then(
      () => undefined,
      (error: Error) => error,
    );
    if (!problem) break;
    if (failure || daemon.exitCode !== null || Date.now() > deadline) {
      await end();
      const reason = failure?.message ?? (await readFile(log, 'utf8')).trim().split('\n').at(-1);
      await remove();
      throw new PreloadError(
        `cannot start the node's containerd on the volume: ${problem.message}; ${reason}`,
        'specify its path with --containerd-path',
      );
    }
    await sleep(100);
  }
  return {
    ctr,
    namespace,
    work,
    workInNode,
    store: join(work, 'root'),
    socket: join(work, 'containerd.sock'),
    end,
    stop,
  };
};
