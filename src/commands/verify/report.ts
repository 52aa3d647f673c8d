import type { Context } from '../../cli/context.ts';
import { formatVerification } from '../../cli/format-verification.ts';
import { PreloadError } from '../../model/errors.ts';
import { formatAge, formatBytes, plural } from '../../model/units.ts';
import type { Verification, VerificationResult, VerifyProgress } from '../../model/verification.ts';

/** Ends the step that verified, which began at `started` in milliseconds. */
export const endVerifying = (found: Verification, started: number, { progress, now }: Context): void => {
  const { images, layers, blobs, bytes, problems } = found;
  const parts = [plural(images, 'image'), plural(layers, 'layer'), plural(blobs, 'blob'), formatBytes(bytes)];
  const counts = parts.join(', ');
  if (problems.length > 0) {
    progress.update(`Verifying ${counts}`);
    progress.fail(plural(problems.length, 'problem'));
  } else {
    progress.done(`Verified ${counts} in ${formatAge(now() - started)}`);
  }
};

/** Prints what was found; throws where the volume is not sound. `started` is in milliseconds. */
export const concludeVerify = (
  found: Omit<VerificationResult, 'sound' | 'seconds'>,
  started: number,
  output: 'json' | 'yaml' | undefined,
  { print, now }: Context,
): void => {
  const { name, problems, snapshotId } = found;
  const sound = problems.length === 0;
  print(formatVerification({ ...found, sound, seconds: Math.round((now() - started) / 1000) }, output));
  if (sound) return;
  throw new PreloadError(
    `${name} is damaged: ${plural(problems.length, 'problem')} found`,
    `let no node use ${snapshotId ?? 'it'}; create it again`,
  );
};

/** `Verifying 41/105 layers · 1.2Gi · 310Mi/s`; `elapsed` in milliseconds. */
export const describeVerifying = ({ layers, bytes }: VerifyProgress, elapsed: number): string => {
  const rate = elapsed > 0 ? [`${formatBytes((bytes / elapsed) * 1000)}/s`] : [];
  const counts = layers.total > 0 ? [`Verifying ${layers.done}/${plural(layers.total, 'layer')}`] : ['Verifying files'];
  return [...counts, formatBytes(bytes), ...rate].join(' · ');
};
