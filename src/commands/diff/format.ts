import { asDocument } from '../../cli/document.ts';
import { formatJson, formatTable, formatYaml, type Output } from '../../cli/output.ts';
import type { ImageChange, PreloadDiff } from '../../model/preload-diff.ts';
import { formatBytes, plural } from '../../model/units.ts';

/** What changed, as -o json prints it. */
export interface Diff extends PreloadDiff {
  from: DiffedPreload;
  /** without a name if it is the cluster */
  to: DiffedPreload;
}

interface DiffedPreload {
  name?: string;
  platform: string;
  /** bytes on the volume */
  size?: number;
}

export const formatDiff = (diff: Diff, output: Output | 'wide'): string => {
  if (output === 'json') return formatJson(asDocument('PreloadDiff', diff));
  if (output === 'yaml') return formatYaml(asDocument('PreloadDiff', diff));
  if (output === 'name') return diff.images.map(({ name }) => name).join('\n');
  const digest = output === 'wide' ? (text = '<none>') => text : shortDigest;
  return formatTable(
    ['NAME', 'CHANGE', 'OLD', 'NEW', 'SIZE'],
    diff.images.map((image) => [image.name, image.change, ...digestsOf(image).map(digest), sizeOf(image)]),
  );
};

const SHORT = 12; // hex digits

const shortDigest = (digest = '<none>'): string => digest.replace(/^sha256:/, '').slice(0, SHORT);

/** The old and the new one; a new one that no pod runs yet is not known. */
const digestsOf = ({ change, oldDigest, newDigest }: ImageChange): (string | undefined)[] => [
  oldDigest,
  newDigest ?? (change === 'removed' ? undefined : '<unknown>'),
];

const sizeOf = ({ change, oldSize, newSize }: ImageChange): string => {
  const size = change === 'removed' ? oldSize : newSize;
  return size === undefined ? '<unknown>' : formatBytes(size);
};

/** `3 images added, 1 changed, 2 removed; 12 layers added, 5 removed; 3.4Gi, was 3.1Gi` */
export const describeDiff = ({ from, to, images, layers }: Diff): string => {
  const count = (change: ImageChange['change']) => images.filter((image) => image.change === change).length;
  const counts = [
    `${plural(count('added'), 'image')} added, ${count('changed')} changed, ${count('removed')} removed`,
    ...(layers ? [`${plural(layers.added, 'layer')} added, ${layers.removed} removed`] : []),
    ...(from.size !== undefined && to.size !== undefined
      ? [`${formatBytes(to.size)} on the volume, was ${formatBytes(from.size)}`]
      : []),
  ];
  const target = to.name ? `preload "${to.name}"` : 'the cluster';
  return `From preload "${from.name}" to ${target}: ${counts.join('; ')}.`;
};
