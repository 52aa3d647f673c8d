import { realpath } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { captureImages } from '../../capture/capture.ts';
import type { PlanOptions, Remedies } from '../../capture/context.ts';
import { planWithoutVolume } from '../../capture/plan-only.ts';
import { mountedPullSecrets } from '../../capture/pull-secrets.ts';
import type { Context } from '../../cli/context.ts';
import { Interrupted, UsageError } from '../../model/errors.ts';
import type { ExportEvent } from '../../model/events.ts';
import { plainLines } from '../../model/parse.ts';
import type { CaptureRequest } from '../../model/request.ts';
import { formatBytes, plural } from '../../model/units.ts';
import { traceCommands } from '../../node/command.ts';
import { lockVolume } from '../../node/lock.ts';
import { version } from '../../version.ts';
import { describeProgress, describeSkipped } from '../capture-progress.ts';
import { failedEvent, reportJson } from '../report-json.ts';
import type { ExportOptions } from './command.ts';
import { exportRequest } from './request.ts';

export const runExport = async (options: ExportOptions, context: Context): Promise<void> => {
  if (options.stdin && options.cacheOnly) throw new UsageError('specify --stdin or --cache-only, not both');
  const { signal, progress } = context;
  const report = options.events ? reportJson(context) : reportText(context);
  if (options.debug) traceCommands((line) => progress.note(plainLines(line)));
  try {
    const request = await exportRequest(options, context);
    if (!options.events) progress.start('Resolving images');
    const pullSecrets = options.pullSecrets ? await mountedPullSecrets(options.pullSecrets) : [];
    const remedies = options.request ? CREATE_REMEDIES : EXPORT_REMEDIES;
    const given = { root: options.root, pullSecrets, remedies, report, signal };
    if (options.planOnly) await planWithoutVolume(request, given);
    else await captureToVolume(request, options, given);
  } catch (error) {
    if (options.events && !signal.aborted) report(failedEvent(error));
    throw error;
  }
};

const captureToVolume = async (
  request: CaptureRequest,
  { to, hold: duration, force, restoreScript: withScript }: ExportOptions,
  given: PlanOptions,
): Promise<void> => {
  const { root, report, signal } = given;
  const result: ExportEvent[] = [];
  const noting = (event: ExportEvent): void => {
    if (event.type === 'recorded' || event.type === 'sealed') result.push(event);
    report(event);
  };
  const volume = await realpath(to).catch(() => to); // as the kernel lists its mounts
  const unlock = await lockVolume(root, volume);
  try {
    await captureImages(request, { ...given, report: noting, volume, force, withScript, version });
    if (duration) await hold(duration, () => result.forEach(report), signal).catch(endWell);
  } finally {
    await unlock();
  }
};

const CREATE_REMEDIES: Remedies = {
  largerVolume: (size) => `run create again with ${size ? `--size ${size}` : 'a larger --size'}`,
  otherNode: 'use another node with --node',
  otherVolume: 'use --storage-class with a class of block volumes',
  emptyVolume: 'use --base with a snapshot that kubectl preload created',
};
const EXPORT_REMEDIES: Remedies = {
  largerVolume: (size) => `use a ${size ? `volume of at least ${size}` : 'larger volume'}`,
  otherNode: 'run export on another node',
  otherVolume: 'mount a block volume there, with ext4 or XFS for example',
  emptyVolume: 'use an empty volume, or delete everything on this one with --force',
};

const reportText = ({ progress, now }: Context) => {
  const started = now();
  return (event: ExportEvent): void => {
    if (event.type === 'progress') progress.update(describeProgress(event, now() - started));
    if (event.type === 'warning') progress.warn(event.message);
    if (event.type === 'skipped') progress.warn(describeSkipped(event));
    if (event.type === 'sealed') {
      progress.done(`${plural(event.layers, 'layer')} on the volume, ${formatBytes(event.usedBytes)}`);
      if (!event.readOnly) progress.warn('the volume is still writable; unmount it before you snapshot it');
    }
  };
};

const FIRST_REPEAT = 15_000;

/**
 * Keeps the volume locked for `duration` milliseconds: nobody may write to it while the snapshot is taken. Calls `repeat`
 * less and less often, for a workstation whose connection was broken while the node dropped the log.
 */
const hold = async (duration: number, repeat: () => void, signal: AbortSignal): Promise<void> => {
  let left = duration;
  for (let pause = FIRST_REPEAT; pause < left; pause *= 2) {
    await sleep(pause, undefined, { signal });
    left -= pause;
    repeat();
  }
  await sleep(left, undefined, { signal });
};

/** The end of the hold by a signal is not an error. */
const endWell = (error: unknown): void => {
  if ((error as { cause?: unknown }).cause instanceof Interrupted) return;
  throw error;
};
