import { run } from '../node/command.ts';

/** Flushes the volume in the background so dirty pages do not fill memory. */
interface WriteBack {
  /** Starts a flush unless one is running. */
  begin: () => void;
  /** Resolves when everything is on disk. Throws if any flush has failed. */
  end: () => Promise<void>;
}

export const writeBack = (volume: string, signal: AbortSignal): WriteBack => {
  let running: Promise<void> | undefined;
  let failure: unknown;
  const flush = async () => {
    try {
      await run(['sync', '-f', volume], signal);
    } catch (error) {
      failure ??= error; // the kernel reports a failure only once
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
