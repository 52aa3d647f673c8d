import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CapturedImage } from '../../src/model/image.ts';
import { HOT_LIST } from '../../src/volume/format.ts';
import { run } from '../cluster/machine/run.ts';
import { until } from '../cluster/machine/until.ts';
import type { ContainerdVersion } from '../cluster/node/config.ts';
import type { PrivateNode } from '../harness/private-node.ts';
import { onNode, withNode } from './bench-node.ts';
import { writeArchive } from './bench-volume.ts';
import { capture, withImages } from './captured-disk.ts';
import { type Disk, makeDisk } from './disk.ts';
import { buildImages, pause } from './image-set.ts';
import { withLazyDisk } from './lazy-disk.ts';
import { APPLICATIONS, withAnswers } from './real-applications.ts';
import { dropCaches, log, median, round } from './timing.ts';

const TIMES = 5;
const KUBELET = 2000; // milliseconds that a kubelet takes at least from its start to that of its first container

const WAYS = {
  import: { layout: 'blobs', command: '--mode import' },
  link: { layout: 'layers', command: '--mode link' },
  hot: { layout: 'layers', command: '--mode link --prewarm=hot' },
  all: { layout: 'layers', command: '--mode link --prewarm=all' },
} as const;

type WayName = keyof typeof WAYS;
type Layout = (typeof WAYS)[WayName]['layout'];

/**
 * Seconds from the start of restore.sh on a new node until the last of three real applications has answered, from a disk that
 * is loaded lazily; without those that the kubelet takes in between. The disk was captured while they ran.
 */
export const measureLazyApplications = async (folder: string, version: ContainerdVersion) => {
  const applications = Object.values(APPLICATIONS);
  const images = await buildImages([...applications.map(({ image }) => image), pause], log);
  const disks = {
    layers: await captureRunning(folder, version, images, 'layers'),
    blobs: await captureRunning(folder, version, images, 'blobs'),
  };
  const rounds = {} as Record<WayName, Awaited<ReturnType<typeof measure>>[]>;
  for (let time = 0; time < TIMES; time++) {
    for (const [way, { layout, command }] of Object.entries(WAYS) as [WayName, (typeof WAYS)[WayName]][]) {
      const row = await measure(folder, version, disks[layout], command);
      log(`lazy disk, ${way}: ${JSON.stringify(row)}`);
      rounds[way] = [...(rounds[way] ?? []), row];
    }
  }
  const hotShare = await hotShareOf(disks.layers);
  for (const disk of Object.values(disks)) await disk.release();
  const seconds = Object.fromEntries(
    Object.entries(rounds).map(([way, rows]) => [way, median(rows.map(({ seconds }) => seconds))]),
  );
  return { ...seconds, hotShare, rounds };
};

/** Starts the applications on a node whose memory has nothing of them, and captures them as soon as they have answered. */
const captureRunning = async (
  folder: string,
  version: ContainerdVersion,
  images: readonly CapturedImage[],
  layout: Layout,
): Promise<Disk> => {
  const archive = join(folder, 'applications.tar');
  await writeArchive(archive, images);
  const names = images.map(({ names: [name = ''] }) => name);
  const disk = await makeDisk(join(folder, `applications-${layout}`), (path) =>
    withImages(folder, version, archive, names.at(-1) ?? '', async (node) => {
      await dropCaches();
      await withAnswers(node, () => capture(folder, node, path, names, { layout }));
    }),
  );
  await rm(archive);
  return disk;
};

const measure = async (folder: string, version: ContainerdVersion, disk: Disk, command: string) => {
  const place = await mkdtemp(join(folder, 'lazy-'));
  await dropCaches();
  const { result, fetched } = await withLazyDisk(disk.image, place, (path) =>
    withNode(folder, version, async (node) => {
      const begin = performance.now();
      await onNode(node)(['sh', '-c', `sh ${path}/restore.sh ${command}`]);
      const restored = (performance.now() - begin) / 1000;
      await sleep(KUBELET);
      const answers = await withAnswers(node, async (seconds) => seconds);
      if (command.includes('prewarm')) await prewarmed(node);
      return { seconds: round(restored + Math.max(...Object.values(answers))), restored: round(restored), answers };
    }),
  );
  await rm(place, { recursive: true });
  return { ...result, megabytes: round(fetched / 1e6) };
};

/** Waits for the end of reading in the background, because it would go on while the next way is measured. */
const prewarmed = (node: PrivateNode): Promise<void> =>
  until(
    'the end of prewarm',
    async () => (await node.run(['cat', '/run/kubectl-preload/prewarm.json'])).code === 0,
    600,
  );

/** Bytes on the list of hot files, as a part of those of all layers. */
const hotShareOf = async ({ path }: Disk): Promise<number> => {
  const hot = await run(['awk', '{ bytes += $2 } END { print bytes }', join(path, HOT_LIST)]);
  const all = await run([
    'sh',
    '-c',
    `find ${join(path, 'layers')} -type f -printf '%s\\n' | awk '{ n += $1 } END { print n }'`,
  ]);
  return round(Number(hot) / Number(all));
};
