import { writeFileSync } from 'node:fs';
import type { Context } from '../cli/context.ts';
import type { PreloadError } from '../model/errors.ts';
import { type ExportEvent, encodeEvent } from '../model/events.ts';

const TERMINATION_LOG = '/dev/termination-log';
const MAX_REPORT = 4096; // bytes that a kubelet reads of it

/**
 * Reports to the workstation, which reads this process' standard output as the log of its pod. A node drops old logs, and
 * may not be able to send any, so the last event is also left where the status of the container gets it from.
 */
export const reportJson = ({ print }: Context) => {
  let seq = 0;
  return (event: ExportEvent): void => {
    seq += 1;
    const line = encodeEvent({ ...event, seq });
    print(line);
    if (isLast(event)) leaveReport(line);
  };
};

const isLast = ({ type }: ExportEvent): boolean => ['sealed', 'too-small', 'failed', 'verified'].includes(type);

const leaveReport = (line: string): void => {
  if (Buffer.byteLength(line) > MAX_REPORT) return;
  try {
    writeFileSync(TERMINATION_LOG, `${line}\n`, { flag: 'r+' }); // creates nothing outside of a pod
  } catch {
    // the log has it
  }
};

/** The event that reports `error`. */
export const failedEvent = (error: unknown): ExportEvent => {
  const { message, hint } = error as PreloadError;
  return { type: 'failed', message, ...(hint !== undefined && { hint }) };
};
