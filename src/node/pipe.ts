import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { lstat, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './command.ts';
import { identifyRun, isRunning } from './process-id.ts';

const PIPE_BYTES = 64 * 1024; // what a pipe holds at most

/**
 * Runs `argv` to its end, and hands what it writes to `take` in pieces that last only as long as the call: one buffer is
 * used for all. A child's own stream makes a new one for each, and the memory that waits for collection grows with what
 * is read. Throws CommandFailed.
 */
export const streamOutput = async (
  argv: readonly string[],
  take: (piece: Buffer) => void,
  signal?: AbortSignal,
): Promise<void> => {
  const { readable, writable } = await openPipe();
  const buffer = Buffer.alloc(PIPE_BYTES);
  const callback = (bytes: number): boolean => {
    take(buffer.subarray(0, bytes));
    return true; // goes on
  };
  const reader = new Socket({ fd: readable, readable: true, writable: false, onread: { buffer, callback } }).resume();
  const running = run(argv, signal, { output: writable }).finally(() => closeSync(writable));
  try {
    await Promise.all([running, once(reader, 'close')]);
  } finally {
    reader.destroy(); // a child of a command that failed may still have the other end
  }
};

/** Both ends of a pipe, which Node has no call for. */
const openPipe = async (): Promise<{ readable: number; writable: number }> => {
  prefix ??= claimPrefix();
  const folder = await mkdtemp(await prefix);
  const path = join(folder, 'pipe');
  try {
    await run(['mkfifo', path]);
    const both = openSync(path, 'r+'); // or to open either end would wait for the other
    const ends = { readable: openSync(path, 'r'), writable: openSync(path, 'w') };
    closeSync(both);
    return ends;
  } finally {
    await rm(folder, { recursive: true });
  }
};

let prefix: Promise<string> | undefined;

/** What the folders of this process' pipes are called, once those of killed processes are gone. */
const claimPrefix = async (): Promise<string> => {
  await removeLeftovers();
  return join(tmpdir(), `preload-pipe-${await identifyRun('/')}-`);
};

/** Removes the folders of processes that were killed while they made a pipe. */
const removeLeftovers = async (): Promise<void> => {
  const { uid } = await stat('/proc/self');
  for (const name of await readdir(tmpdir())) {
    const [, run] = /^preload-pipe-(\d+-\d+)-/.exec(name) ?? [];
    if (!run || (await isRunning('/', run))) continue;
    const folder = join(tmpdir(), name);
    const ours = await lstat(folder).then(
      (found) => found.uid === uid, // root shall not be led into a folder of somebody else
      () => false, // another process was faster
    );
    if (ours) await rm(folder, { recursive: true, force: true });
  }
};
