import { run } from '../node/command.ts';

/** Has what is on the volume written to its disk while more is brought: the node's memory does not fill with it. */
export interface WriteBack {
  /** there is something to write */
  begin: () => void;
  /** Resolves when all of it is on the disk. Throws where the disk has failed, at any time. */
  end: () => Promise<void>;
}

export const writeBack = (volume: string, signal: AbortSignal): WriteBack => {
  let running: Promise<void> | undefined;
  let failure: unknown;
  const flush = async () => {
    try {
      await run(['sync', '-f', volume], signal);
    } catch (error) {
      failure ??= error; // the kernel tells of a failure once
    }
    running = undefined;
  };
  const begin = () => {
    running ??= flush();
  };
  const end = async () => {
    await running;
    await flush();
    if (failure) throw failure;
  };
  return { begin, end };
};
