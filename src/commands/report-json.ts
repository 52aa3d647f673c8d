import type { Context } from '../cli/context.ts';
import type { PreloadError } from '../model/errors.ts';
import { type ExportEvent, encodeEvent } from '../model/events.ts';

/** Reports to the workstation, which reads this process' standard output as the log of its pod. */
export const reportJson = ({ print }: Context) => {
  let seq = 0;
  return (event: ExportEvent): void => {
    seq += 1;
    print(encodeEvent({ ...event, seq }));
  };
};

/** The event that reports `error`. */
export const failedEvent = (error: unknown): ExportEvent => {
  const { message, hint } = error as PreloadError;
  return { type: 'failed', message, ...(hint !== undefined && { hint }) };
};
