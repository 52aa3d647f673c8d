import { asDocument, asListDocument } from '../cli/document.ts';
import { formatJson, formatTable, formatYaml, type Output } from '../cli/output.ts';
import { SNAPSHOT_GROUP } from '../model/names.ts';
import type { PreloadSummary } from '../model/summary.ts';
import { formatAge, formatBytes } from '../model/units.ts';

const HEAD = ['NAME', 'READY', 'PHASE', 'IMAGES', 'SIZE', 'SNAPSHOT-ID', 'AGE'];

/** Text for a list of preloads, or for one; `now` in milliseconds. */
export const formatPreloads = (
  preloads: PreloadSummary[] | PreloadSummary,
  output: Output,
  { now, withNamespace = false }: { now: number; withNamespace?: boolean },
): string => {
  const all = [preloads].flat();
  const document = Array.isArray(preloads) ? asListDocument('Preload', preloads) : asDocument('Preload', preloads);
  if (output === 'json') return formatJson(document);
  if (output === 'yaml') return formatYaml(document);
  if (output === 'name') return all.map(({ name }) => `volumesnapshot.${SNAPSHOT_GROUP}/${name}`).join('\n');
  const rows = all.map((preload) => {
    const isReady = preload.phase === 'Ready';
    const absent = isReady ? '<unknown>' : '<none>';
    return [
      ...(withNamespace ? [preload.namespace] : []),
      preload.name,
      isReady ? 'True' : 'False',
      preload.phase,
      preload.images ? `${preload.images.length}${preload.incomplete ? '+' : ''}` : absent,
      preload.size === undefined ? absent : formatBytes(preload.size),
      preload.snapshotId ?? (['Ready', 'Failed'].includes(preload.phase) ? absent : '<pending>'),
      formatAge(now - Date.parse(preload.created)),
    ];
  });
  return formatTable([...(withNamespace ? ['NAMESPACE'] : []), ...HEAD], rows);
};
