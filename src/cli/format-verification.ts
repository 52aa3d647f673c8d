import { formatBytes } from '../model/units.ts';
import type { Problem, VerificationResult } from '../model/verification.ts';
import { formatJson, formatTable, formatYaml } from './output.ts';

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
