import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../cli/context.ts';
import { captureImages } from '../export/capture.ts';
import { traceCommands } from '../export/ctr.ts';
import { readPullSecrets } from '../export/mounted-secrets.ts';
import { Interrupted, type PreloadError } from '../model/errors.ts';
import type { ExportEvent } from '../model/events.ts';
import { plural } from '../model/plural.ts';
import { formatBytes } from '../model/quantity.ts';
import { version } from '../version.ts';
import type { ExportOptions } from './export.ts';
import { exportRequest } from './export-request.ts';
import { describeProgress } from './follow-capture.ts';
import { reportJson } from './report-json.ts';

export const runExport = async (options: ExportOptions, context: Context): Promise<void> => {
  const { signal, progress } = context;
  const { root, to: volume, ctrPath, ctrFlags, containerdPath: containerd } = options;
  const report = options.events ? reportJson(context) : reportText(context);
  if (options.debug) traceCommands(progress.note);
  try {
    const request = await exportRequest(options, context);
    if (!options.events) progress.start('Looking at what the node has');
    const pullSecrets = options.pullSecrets ? await readPullSecrets(options.pullSecrets) : [];
    const ctr = [ctrPath, ...ctrFlags.split(/\s+/).filter(Boolean), '--namespace', 'k8s.io'];
    const { restoreScript } = options;
    await captureImages(request, {
      root,
      volume,
      ctr,
      containerd,
      pullSecrets,
      restoreScript,
      version,
      report,
      signal,
    });
  } catch (error) {
    const { message, hint } = error as PreloadError;
    if (options.events && !signal.aborted) report({ type: 'failed', message, ...(hint !== undefined && { hint }) });
    throw error;
  }
  if (options.hold) await sleep(options.hold, undefined, { signal }).catch(endWell);
};

const reportText = ({ progress, now }: Context) => {
  const started = now();
  return (event: ExportEvent): void => {
    if (event.type === 'progress') progress.update(describeProgress(event, now() - started));
    if (event.type === 'warning') progress.warn(event.message);
    if (event.type === 'skipped') progress.warn(`skipped ${event.name}: ${event.reason}`);
    if (event.type === 'sealed') {
      progress.done(`${plural(event.layers, 'layer')} on the volume, ${formatBytes(event.usedBytes)}`);
    }
  };
};

/** Being told to end is what a sealed volume waits for. */
const endWell = (error: unknown): void => {
  if ((error as { cause?: unknown }).cause instanceof Interrupted) return;
  throw error;
};
