import type { Context } from '../../cli/context.ts';
import type { Cluster } from '../../cluster/connection.ts';
import { readRecord } from '../../cluster/records.ts';
import { readySnapshot } from '../../cluster/snapshots.ts';
import { describeChanges, imageChanges } from '../../model/image-changes.ts';
import { statusCommand, USAGE_NAME } from '../../model/names.ts';
import type { PreloadSummary } from '../../model/summary.ts';
import { formatBytes, plural } from '../../model/units.ts';
import { warnOfDeletion } from '../ready-snapshot.ts';
import { deleteOlder } from './keep-last.ts';
import type { Made } from './make.ts';

/** Says what there is now, and deletes what it replaces. */
export const concludePreload = async (cluster: Cluster, made: Made, context: Context): Promise<void> => {
  const { summary, keepLast } = made;
  const { progress } = context;
  const contents = describeContents(summary);
  if (contents) progress.done(contents);
  const changes = await changesSinceBase(cluster, made, context.signal);
  if (changes) progress.done(changes);
  warnOfDeletion(summary, context);
  if (keepLast) await deleteOlder(cluster, summary, keepLast, context);
};

/** `Preload web holds 64 images for linux/amd64 (3.4Gi, 171 layers)` */
const describeContents = ({ name, images, platform, size, layers }: PreloadSummary): string | undefined => {
  if (!images || size === undefined || layers === undefined) return undefined;
  return `Preload ${name} holds ${plural(images.length, 'image')} for ${platform} (${formatBytes(size)}, ${plural(layers, 'layer')})`;
};

/** What changed against the base; undefined without one, and if that is no longer known. */
const changesSinceBase = async (
  cluster: Cluster,
  { summary, saved, newBytes }: Made,
  signal: AbortSignal,
): Promise<string | undefined> => {
  const base = saved?.settings.base;
  if (!base || !summary.images) return undefined;
  try {
    const record = await readRecord(cluster, await readySnapshot(cluster, base, '', signal), '', signal);
    if (record.incomplete || summary.incomplete) return undefined;
    const changed = describeChanges(imageChanges(record.images, summary.images));
    return `Since ${base}: ${changed}${newBytes === undefined ? '' : `, ${formatBytes(newBytes)} of new layers`}`;
  } catch {
    return undefined;
  }
};

const TARGETS: Readonly<Record<string, string>> = {
  'ebs.csi.aws.com': 'karpenter',
  'bsu.csi.outscale.com': 'caposc',
  'csi.kubevirt.io': 'capk',
};
const ANY_STORAGE = 'daemonset';

/** The command that users need next. */
export const nextCommand = ({ name, namespace, phase, driver }: PreloadSummary): string => {
  if (phase !== 'Ready' || !driver) return statusCommand(name, namespace);
  return `${USAGE_NAME} recipe ${TARGETS[driver] ?? ANY_STORAGE} ${name} -n ${namespace}`;
};
