import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Context } from '../../cli/context.ts';
import { PreloadError } from '../../model/errors.ts';
import { type ExportEvent, progressThrottle } from '../../model/events.ts';
import { digestLayer } from '../../volume/layer-digest.ts';
import { verifyVolume } from '../../volume/verify/verify-volume.ts';
import { failedEvent, reportJson } from '../report-json.ts';
import type { VerifyOptions } from './command.ts';
import { concludeVerify, describeVerifying, endVerifying } from './report.ts';

/** Checks the volume mounted at `path`; with `events` it reports to the workstation. Throws if anything is wrong. */
export const verifyMounted = async (path: string, options: VerifyOptions, context: Context): Promise<void> => {
  const { progress, signal, now } = context;
  const volume = resolve(path);
  const started = now();
  const report = options.events ? reportJson(context) : reportText(context);
  const isTime = progressThrottle();
  try {
    await checkReadable(volume);
    if (!options.events) progress.start('Verifying');
    const digest = (chainId: string) => digestLayer(volume, chainId, signal);
    const verification = await verifyVolume(volume, digest, (current) => {
      signal.throwIfAborted();
      if (isTime(now())) report({ type: 'verifying', ...current });
    });
    signal.throwIfAborted();
    if (options.events) return report({ type: 'verified', verification });
    endVerifying(verification, started, context);
    concludeVerify({ name: volume, ...verification }, started, options.output, context);
  } catch (error) {
    progress.fail((error as Error).message);
    if (options.events && !signal.aborted) report(failedEvent(error));
    throw error;
  }
};

const reportText = ({ progress, now }: Context) => {
  const started = now();
  return (event: ExportEvent): void => {
    if (event.type === 'verifying') progress.update(describeVerifying(event, now() - started));
  };
};

const SYS_ADMIN = 21n;

/** Without the capability the kernel hides overlayfs marks on folders, and every layer would seem damaged. */
const checkReadable = async (volume: string): Promise<void> => {
  const isFolder = await stat(volume).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder)
    throw new PreloadError(`${volume} is not a folder`, 'mount the volume and specify its path with --volume');
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const capabilities = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  if (!((capabilities >> SYS_ADMIN) & 1n)) {
    throw new PreloadError('not allowed to read all file attributes', 'run as root, with CAP_SYS_ADMIN');
  }
};
