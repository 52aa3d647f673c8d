import type { Context } from '../../cli/context.ts';
import { type Cluster, connect } from '../../cluster/connection.ts';
import { findPreload } from '../../cluster/find-preload.ts';
import { imagesOnNodes } from '../../cluster/node-images.ts';
import { nullIfForbidden } from '../../cluster/objects.ts';
import { readRecord } from '../../cluster/records.ts';
import { nodePlaces, runningImages } from '../../cluster/running-images.ts';
import { readySnapshot } from '../../cluster/snapshots.ts';
import { Differences, PreloadError } from '../../model/errors.ts';
import { capturable, type DiffSide, diffOf, hasChanges } from '../../model/preload-diff.ts';
import type { PreloadRecord } from '../../model/record.ts';
import type { DiffOptions } from './command.ts';
import { type Diff, describeDiff, formatDiff } from './format.ts';

/** Throws Differences if there are any. */
export const runDiff = async (options: DiffOptions, context: Context): Promise<void> => {
  const { env, print, progress, signal } = context;
  const { NAME: name, OTHER: other, output } = options;
  const cluster = await connect(options, env, progress.warn);
  const before = await readSide(cluster, name, signal);
  const after = other ? await readSide(cluster, other, signal) : await readCluster(cluster, before, signal);
  const changes = diffOf(before.side, after.side);
  const diff: Diff = { from: before.about, to: after.about, ...changes };
  const isTable = output === undefined || output === 'wide';
  if (changes.images.length > 0 || (!isTable && output !== 'name')) print(formatDiff(diff, output));
  if (isTable) progress.note(describeDiff(diff));
  if (hasChanges(changes)) throw new Differences();
};

interface Side {
  about: Diff['from'];
  side: DiffSide;
}

const readSide = async (
  cluster: Cluster,
  wanted: string,
  signal: AbortSignal,
): Promise<Side & { record: PreloadRecord }> => {
  const { name } = await findPreload(cluster, wanted, undefined, signal);
  const snapshot = await readySnapshot(cluster, name, 'specify one that is ready', signal);
  const record = await readRecord(cluster, snapshot, 'specify another preload, or run create again', signal);
  if (record.incomplete) {
    throw new PreloadError(
      `the record of preload "${name}" does not list all its images, so it cannot be compared`,
      'specify another preload, or run create again',
    );
  }
  const { platform, images, distinctLayers, usedBytes } = record;
  return {
    record,
    about: { name, platform, size: usedBytes },
    side: { images, ...(distinctLayers && { layers: distinctLayers.map(({ chainId }) => chainId) }) },
  };
};

const readCluster = async (
  cluster: Cluster,
  { record }: { record: PreloadRecord },
  signal: AbortSignal,
): Promise<Side> => {
  const nodes = await nodePlaces(cluster, signal);
  const used = await runningImages(cluster, nodes, signal);
  if (!used) {
    throw new PreloadError(
      'this user is not allowed to list pods, so it is not known which images are in use',
      'ask for the right to list pods in all namespaces, or specify another preload to compare with',
    );
  }
  const sizes = (await nullIfForbidden(imagesOnNodes(cluster, signal)))?.images;
  const images = capturable(used, record).map((image) => {
    const found = sizes?.get(image.names[0] ?? '');
    const isSame = found && (!image.digest || found.digests.includes(image.digest));
    return { ...image, ...(isSame && { size: found.size }) };
  });
  return { about: { platform: record.platform }, side: { images } };
};
