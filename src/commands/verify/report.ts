import type { Context } from '../../cli/context.ts';
import { formatJson, formatTable, formatYaml } from '../../cli/output.ts';
import { PreloadError } from '../../model/errors.ts';
import { formatAge, formatBytes, plural } from '../../model/units.ts';
import type { Problem, Verification, VerificationResult, VerifyProgress } from '../../model/verification.ts';

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

/** Text of what was found on a volume. */
export const formatVerification = (result: VerificationResult, output: 'json' | 'yaml' | undefined): string => {
  if (output === 'json') return formatJson(result);
  if (output === 'yaml') return formatYaml(result);
  const { name, sound, images, layers, blobs, bytes, problems } = result;
  const row = [name, sound ? 'True' : 'False', String(images), String(layers), String(blobs), formatBytes(bytes)];
  const summary = formatTable(['NAME', 'SOUND', 'IMAGES', 'LAYERS', 'BLOBS', 'CHECKED'], [row]);
  if (problems.length === 0) return summary;
  const rows = problems.map(({ path, problem, images }) => [plain(shorten(path)), plain(problem), affected(images)]);
  return `${summary}\n\n${formatTable(['PATH', 'PROBLEM', 'IMAGES'], rows)}`;
};

const affected = (images: Problem['images']): string => {
  const [first, ...others] = images ?? [];
  if (first === undefined) return 'all';
  return others.length > 0 ? `${first} and ${others.length} more` : first;
};

/** Digests as people compare them; the other formats have all of them. */
const shorten = (path: string): string => path.replace(/\b([0-9a-f]{12})[0-9a-f]{52}\b/g, '$1');

/** What comes from a volume may hold anything, and ends up on a terminal. */
const plain = (text: string): string => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
