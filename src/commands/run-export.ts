import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import type { Context } from '../cli/context.ts';
import { capture } from '../export/capture.ts';
import { Interrupted, PreloadError } from '../model/errors.ts';
import { type ExportEvent, encodeEvent } from '../model/events.ts';
import { formatBytes } from '../model/quantity.ts';
import type { CaptureRequest } from '../model/request.ts';
import { version } from '../version.ts';
import type { ExportOptions } from './export.ts';

export const runExport = async (options: ExportOptions, context: Context): Promise<void> => {
  const { signal } = context;
  const report = options.events ? reportJson(context) : reportText(context);
  try {
    const request = await readRequest(options.request);
    await capture(request, { root: options.root, volume: options.to, version, report, signal });
  } catch (error) {
    const { message, hint } = error as PreloadError;
    if (!signal.aborted) report({ type: 'failed', message, ...(hint !== undefined && { hint }) });
    throw error;
  }
  if (options.hold) await sleep(options.hold, undefined, { signal }).catch(endWell);
};

const readRequest = async (path: string): Promise<CaptureRequest> => {
  try {
    return JSON.parse(gunzipSync(await readFile(path)).toString()) as CaptureRequest;
  } catch (error) {
    throw new PreloadError(`cannot read the request ${path}: ${(error as Error).message}`);
  }
};

const PROGRESS_INTERVAL = 250;

const reportJson = ({ print, now }: Context) => {
  let seq = 0;
  let lastProgress = 0;
  return (event: ExportEvent): void => {
    if (event.type === 'progress' && event.done < event.total) {
      if (now() - lastProgress < PROGRESS_INTERVAL) return;
      lastProgress = now();
    }
    seq += 1;
    print(encodeEvent({ ...event, seq }));
  };
};

const reportText =
  ({ progress }: Context) =>
  (event: ExportEvent): void => {
    if (event.type === 'progress') progress.update(`Capturing ${event.done}/${event.total} images`);
    if (event.type === 'skipped') progress.warn(`skipped ${event.name}: ${event.reason}`);
    if (event.type === 'sealed') progress.done(`${event.layers} layers captured, ${formatBytes(event.usedBytes)}`);
  };

/** Being told to end is what a sealed volume waits for. */
const endWell = (error: unknown): void => {
  if ((error as { cause?: unknown }).cause instanceof Interrupted) return;
  throw error;
};
