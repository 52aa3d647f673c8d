import type { Context } from '../../cli/context.ts';
import { formatJson, formatTable, formatYaml } from '../../cli/output.ts';
import { PreloadError } from '../../model/errors.ts';
import { formatAge, formatBytes, plural } from '../../model/units.ts';
import type { Problem, Verification, VerificationResult, VerifyProgress } from '../../model/verification.ts';

/** Ends the verification step; `started` in milliseconds. */
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

/** Prints the result. Throws PreloadError if the volume is damaged. `started` in milliseconds. */
export const concludeVerify = (
  found: Omit<VerificationResult, 'valid' | 'seconds'>,
  started: number,
  output: 'json' | 'yaml' | undefined,
  { print, now }: Context,
): void => {
  const { name, problems, snapshotId } = found;
  const valid = problems.length === 0;
  print(formatVerification({ ...found, valid, seconds: Math.round((now() - started) / 1000) }, output));
  if (valid) return;
  throw new PreloadError(
    `${name} is damaged: ${plural(problems.length, 'problem')} found`,
    `do not attach ${snapshotId ?? 'it'} to any node; run create again`,
  );
};

/** `Verifying 41/105 layers · 1.2Gi · 310Mi/s`; `elapsed` in milliseconds. */
export const describeVerifying = ({ layers, bytes }: VerifyProgress, elapsed: number): string => {
  const rate = elapsed > 0 ? [`${formatBytes((bytes / elapsed) * 1000)}/s`] : [];
  const counts = layers.total > 0 ? [`Verifying ${layers.done}/${plural(layers.total, 'layer')}`] : ['Verifying files'];
  return [...counts, formatBytes(bytes), ...rate].join(' · ');
};

/** The result as a table, JSON or YAML. */
const formatVerification = (result: VerificationResult, output: 'json' | 'yaml' | undefined): string => {
  if (output === 'json') return formatJson(result);
  if (output === 'yaml') return formatYaml(result);
  const { name, valid, images, layers, blobs, bytes, problems } = result;
  const row = [name, valid ? 'True' : 'False', String(images), String(layers), String(blobs), formatBytes(bytes)];
  const summary = formatTable(['NAME', 'VALID', 'IMAGES', 'LAYERS', 'BLOBS', 'CHECKED'], [row]);
  if (problems.length === 0) return summary;
  const rows = problems.map(({ path, problem, images }) => [shorten(path), problem, affected(images)]);
  return `${summary}\n\n${formatTable(['PATH', 'PROBLEM', 'IMAGES'], rows)}`;
};

const affected = (images: Problem['images']): string => {
  const [first, ...others] = images ?? [];
  if (first === undefined) return 'all';
  return others.length > 0 ? `${first} and ${others.length} more` : first;
};

/** Shortens digests for the table; JSON and YAML have them in full. */
const shorten = (path: string): string => path.replace(/\b([0-9a-f]{12})[0-9a-f]{52}\b/g, '$1');
