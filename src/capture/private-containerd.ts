import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PreloadError } from '../model/errors.ts';
import { type Ctr, gentle, inNode, mortal, run, startDaemon, stopDaemon, words } from '../node/command.ts';
import { WORK } from '../volume/format.ts';
import type { Capture } from './context.ts';

/** A containerd of our own that keeps its store on the volume, so that the node's is never touched. */
export interface PrivateContainerd {
  ctr: Ctr;
  /** folder for what is only needed while it runs, as a path of this process */
  work: string;
  /** its content store, as a path of this process */
  content: string;
  stop: () => Promise<void>;
}

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

/** Starts the node's own containerd binary on the volume. */
export const startPrivateContainerd = async ({
  root,
  volume,
  volumeInNode,
  request: { tools },
}: Capture): Promise<PrivateContainerd> => {
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
      // blobs and layers are brought in one by one: nothing may be collected before an image refers to it
      '[plugins."io.containerd.gc.v1.scheduler"]',
      'deletion_threshold = 0',
      'mutation_threshold = 0',
      'startup_delay = "8760h"',
      '',
    ].join('\n'),
  );
  const command = [
    ...(await mortal(root)),
    ...(await gentle(root)),
    tools.containerdPath,
    '-c',
    join(workInNode, 'config.toml'),
  ];
  const daemon = startDaemon(inNode(root, command), log);
  let failure: Error | undefined;
  daemon.once('error', (error) => {
    failure = error;
  });
  const ctr = inNode(root, [...words(tools.ctrPath), '--address', socket, '--namespace', NAMESPACE]);
  const deadline = Date.now() + START_TIMEOUT;
  for (;;) {
    // Not "ctr version": it looks the daemon's pid up in the node's /proc, which is not this pod's.
    const problem = await run([...ctr, 'images', 'ls', '-q']).then(
      () => undefined,
      (error: Error) => error,
    );
    if (!problem) break;
    if (failure || daemon.exitCode !== null || Date.now() > deadline) {
      await stopDaemon(daemon);
      const said = failure?.message ?? (await readFile(log, 'utf8')).trim().split('\n').at(-1);
      throw new PreloadError(
        `the node's containerd does not start on the volume: ${problem.message}; ${said}`,
        'name its binary with --containerd-path',
      );
    }
    await sleep(100);
  }
  const content = join(work, 'root', 'io.containerd.content.v1.content');
  return { ctr, work, content, stop: () => stopDaemon(daemon) };
};
