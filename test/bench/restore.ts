// Compares restore with the original tool, which uses one archive per image, on the same machine.
// usage: node test/bench/restore.ts
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CapturedImage } from '../../src/model/image.ts';
import { provide } from '../cluster/components.ts';
import { CONTAINERD_VERSIONS, type ContainerdVersion, containerdSource } from '../cluster/node/config.ts';
import { IMAGE_PACKAGES } from '../cluster/sample-images.ts';
import { type SmallImage, writeSmallVolume } from '../e2e/restore/small-volume.ts';
import { collectGarbage, withNode } from './bench-node.ts';
import { loadImages, writeArchive, writeArchives, writeVolume } from './bench-volume.ts';
import { type Disk, makeDisk } from './disk.ts';
import { applications, buildImages, samples } from './image-set.ts';
import { outcome, runContainers, settled, storeMegabytes, WAYS, type WayName } from './restore-ways.ts';
import { throttled } from './throttle.ts';
import { coldSeconds, log, round, seconds } from './timing.ts';

const LAZY_DISK = 30 << 20; // bytes a second, as of a cloud disk that is read from a snapshot for the first time

const folder = await mkdtemp(join(tmpdir(), 'preload-bench-'));

/** A disk with the images in every form. */
const diskOf = (images: readonly CapturedImage[]): Promise<Disk> =>
  makeDisk(join(folder, `disk-${images.length}`), async (path) => {
    await writeArchives(path, images);
    await writeArchive(join(path, 'all.tar'), images);
    await withNode(folder, '2', async (node) => {
      await loadImages(node, join(path, 'all.tar'));
      await writeVolume(path, images, node);
    });
  });

const measure = (version: ContainerdVersion, way: WayName, disk: Disk, images: readonly CapturedImage[]) =>
  withNode(folder, version, async (node, root) => {
    const names = images.slice(-3).map((image) => image.names[0] ?? '');
    const restored = await coldSeconds(() => WAYS[way](node, disk.path));
    const inBackground = way === 'settle' ? await seconds(() => settled(node)) : 0;
    await collectGarbage(node); // it goes on after an import, and would go on while we measure
    const megabytes = await storeMegabytes(root);
    const containers = await seconds(() => runContainers(node, names));
    const phases = (await outcome(node))?.phases;
    const row = {
      seconds: restored,
      ...(inBackground && { settledSeconds: round(restored + inBackground) }),
      megabytes,
      containers,
      ...(phases && { phases }),
    };
    log(`containerd ${version}, ${images.length} images, ${way}: ${JSON.stringify(row)}`);
    return row;
  });

type Measured = Record<WayName, Awaited<ReturnType<typeof measure>>>;

const measureAll = async (
  version: ContainerdVersion,
  disk: Disk,
  images: readonly CapturedImage[],
): Promise<Measured> => {
  const measured = {} as Measured;
  for (const way of Object.keys(WAYS) as WayName[]) measured[way] = await measure(version, way, disk, images);
  return measured;
};

const SMALL: SmallImage[] = Array.from({ length: 500 }, (_, image) => ({
  name: `registry.test/small:${image}`,
  layers: [`base-${image % 10}`, `runtime-${image % 100}`, `own-${image}`],
}));

const measureSmall = (version: ContainerdVersion, disk: Disk) =>
  withNode(folder, version, async (node) => {
    const restored = await coldSeconds(() => WAYS.link(node, disk.path));
    const { phases } = await outcome(node);
    return { seconds: restored, phases, msPerLayer: round((phases.link * 1000) / SMALL_LAYERS) };
  });

const SMALL_LAYERS = new Set(SMALL.flatMap(({ layers }) => layers)).size;

const measureLazy = async (version: ContainerdVersion, disk: Disk, images: readonly CapturedImage[]) => {
  const ways = {} as Record<'link' | 'import', number>;
  for (const way of ['link', 'import'] as const) {
    const { seconds, containers } = await throttled(disk.device, LAZY_DISK, () => measure(version, way, disk, images));
    ways[way] = round(seconds + containers);
  }
  return ways;
};

await provide([{ packages: IMAGE_PACKAGES }, ...CONTAINERD_VERSIONS.map(containerdSource)], log);
const disks: Disk[] = [];
const release = async (): Promise<void> => {
  for (const disk of disks) await disk.release();
  await rm(folder, { recursive: true, force: true });
};

try {
  log('building the images and their volumes');
  const images = await buildImages(applications(60), log);
  const sample = await buildImages(samples(), log);
  const [large, small, sampleDisk] = [await diskOf(images), await diskOf(images.slice(0, 10)), await diskOf(sample)];
  disks.push(large, small, sampleDisk);
  const tiny = await makeDisk(join(folder, 'disk-tiny'), async (path) => {
    await writeSmallVolume(path, SMALL);
  });
  disks.push(tiny);

  const byContainerd: Record<string, object> = {};
  for (const version of CONTAINERD_VERSIONS) {
    const many = await measureAll(version, large, images);
    const layers = await measureSmall(version, tiny);
    byContainerd[version] = {
      linkSpeedup: round(many.original.seconds / many.link.seconds),
      nodeDiskRatio: round(many.link.megabytes / many.original.megabytes),
      msPerLayer: layers.msPerLayer,
      images10: await measureAll(version, small, images.slice(0, 10)),
      images60: many,
      images500: layers,
      lazyDisk: await measureLazy(version, small, images.slice(0, 10)),
      sampleSet: {
        original: await measure(version, 'original', sampleDisk, sample),
        link: await measure(version, 'link', sampleDisk, sample),
      },
      load: loadavg().map(round),
    };
  }
  console.log(JSON.stringify({ byContainerd }));
} finally {
  await release();
}
