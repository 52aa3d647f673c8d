import { CommandFailed } from './command.ts';

/** Whether it was for want of space on the volume that something failed. */
export const isVolumeFull = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException).code === 'ENOSPC' ||
  (error instanceof CommandFailed && /no space left on device/i.test(error.message));
