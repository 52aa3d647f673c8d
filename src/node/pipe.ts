import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { lstat, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './command.ts';
import { identifyRun, isRunning } from './process-id.ts';

const PIPE_BYTES = 64 * 1024; // capacity of a pipe

/**
 * Runs `argv` and passes its standard output to `consume` in pieces, which are valid only during the call. All pieces use
 * the same buffer: a child's own stream allocates one for each, so its memory grows with the output. Throws
 * CommandFailed.
 */
export const streamOutput = async (
  argv: readonly string[],
  consume: (piece: Buffer) => void,
  signal?: AbortSignal,
): Promise<void> => {
  const { readable, writable } = await openPipe();
  const buffer = Buffer.alloc(PIPE_BYTES);
  const callback = (bytes: number): boolean => {
    consume(buffer.subarray(0, bytes));
    return true; // continue reading
  };
  const reader = new Socket({ fd: readable, readable: true, writable: false, onread: { buffer, callback } }).resume();
  const running = run(argv, signal, { output: writable }).finally(() => closeSync(writable));
  try {
    await Promise.all([running, once(reader, 'close')]);
  } finally {
    reader.destroy(); // a child of the failed command may still have the other end open
  }
};

/** Returns both ends of a new pipe; Node has no function for this. */
const openPipe = async (): Promise<{ readable: number; writable: number }> => {
  prefix ??= claimPrefix();
  const folder = await mkdtemp(await prefix);
  const path = join(folder, 'pipe');
  try {
    await run(['mkfifo', path]);
    const both = openSync(path, 'r+'); // otherwise, opening one end would wait for the other
    const ends = { readable: openSync(path, 'r'), writable: openSync(path, 'w') };
    closeSync(both);
    return ends;
  } finally {
    await rm(folder, { recursive: true });
  }
};

let prefix: Promise<string> | undefined;

/** Returns the path prefix for pipe directories of this process. Removes those of killed processes first. */
const claimPrefix = async (): Promise<string> => {
  await removeLeftovers();
  return join(tmpdir(), `preload-pipe-${await identifyRun('/')}-`);
};

/** Removes the directories of processes that were killed while they created a pipe. */
const removeLeftovers = async (): Promise<void> => {
  const { uid } = await stat('/proc/self');
  for (const name of await readdir(tmpdir())) {
    const [, run] = /^preload-pipe-(\d+-\d+)-/.exec(name) ?? [];
    if (!run || (await isRunning('/', run))) continue;
    const folder = join(tmpdir(), name);
    const ours = await lstat(folder).then(
      (found) => found.uid === uid, // root must not delete another user's directory
      () => false, // another process has removed it
    );
    if (ours) await rm(folder, { recursive: true, force: true });
  }
};
