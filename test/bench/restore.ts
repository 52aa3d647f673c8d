// Compares restore with the original tool, which uses one archive per image, on the same machine.
// usage: node test/bench/restore.ts
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CapturedImage } from '../../src/model/image.ts';
import { provide } from '../cluster/components.ts';
import { run } from '../cluster/machine/run.ts';
import { CONTAINERD_VERSIONS, type ContainerdVersion, containerdSource } from '../cluster/node/config.ts';
import { IMAGE_PACKAGES } from '../cluster/sample-images.ts';
import { pause as smallPause } from '../e2e/restore/small-images.ts';
import type { SmallImage } from '../e2e/restore/small-volume.ts';
import { collectGarbage, onNode, withNode } from './bench-node.ts';
import { writeArchive, writeArchives } from './bench-volume.ts';
import { capture, withImages, writeSmallArchive } from './captured-disk.ts';
import { type Disk, emptyDisk, makeDisk } from './disk.ts';
import { applications, buildImages, pause, samples } from './image-set.ts';
import { measureLazyApplications } from './lazy-applications.ts';
import { LAZY_DISK } from './lazy-disk.ts';
import { CLIENT_PACKAGES } from './real-applications.ts';
import { outcome, runContainers, settled, storeMegabytes, WAYS, type WayName } from './restore-ways.ts';
import { measureBoot, measureStore } from './store-node.ts';
import { coldSeconds, log, median, round, seconds } from './timing.ts';

const folder = await mkdtemp(join(tmpdir(), 'preload-bench-'));

/** A disk with the images in every form; the last one is the pause image. */
const diskOf = (images: readonly CapturedImage[]): Promise<Disk> => {
  const archive = join(folder, `all-${images.length}.tar`);
  const names = namesOf(images);
  return makeDisk(join(folder, `disk-${images.length}`), async (path) => {
    await writeArchive(archive, images);
    await withImages(folder, '2', archive, names.at(-1) ?? '', (node) =>
      capture(folder, node, path, names, { layout: 'layers,blobs' }),
    );
    await run(['mount', '-o', 'remount,rw', path]);
    await writeArchives(path, images);
    await cp(archive, join(path, 'all.tar'));
  });
};

const namesOf = (images: readonly CapturedImage[]): string[] => images.map(({ names: [name = ''] }) => name);

/** A disk with small images, as captured; the last one is the pause image. */
const smallDisk = (images: readonly SmallImage[]): Promise<Disk> => {
  const archive = join(folder, `small-${images.length}.tar`);
  const names = images.map(({ name }) => name);
  return makeDisk(join(folder, `disk-small-${images.length}`), async (path) => {
    await writeSmallArchive(archive, images);
    await withImages(folder, '2', archive, names.at(-1) ?? '', (node) => capture(folder, node, path, names));
  });
};

/** The seed's part of the time of a capture, from a node that has all images. */
const measureSeedShare = async (version: ContainerdVersion, images: readonly CapturedImage[]): Promise<number> => {
  const names = namesOf(images);
  return withImages(folder, version, join(folder, `all-${images.length}.tar`), names.at(-1) ?? '', async (node) => {
    const taken: Record<string, number[]> = { with: [], without: [] };
    for (let time = 0; time < 3; time++) {
      for (const [way, seed] of [
        ['with', true],
        ['without', false],
      ] as const) {
        const volume = await emptyDisk(join(folder, 'capture'), onNode(node));
        taken[way]?.push(await capture(folder, node, volume.path, names, { seed }));
        await volume.release();
      }
    }
    log(`containerd ${version}, capture of ${images.length} images: ${JSON.stringify(taken)}`);
    const [all, less] = [median(taken.with ?? []), median(taken.without ?? [])];
    return round((all - less) / all);
  });
};

const measure = (version: ContainerdVersion, way: WayName, disk: Disk, images: readonly CapturedImage[]) =>
  withNode(folder, version, async (node, root) => {
    const names = namesOf(images.slice(-4, -1)); // the last one is the pause image, which has no shell
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

const SMALL: SmallImage[] = [
  ...Array.from({ length: 499 }, (_, image) => ({
    name: `registry.test/small:${image}`,
    layers: [`base-${image % 10}`, `runtime-${image % 100}`, `own-${image}`],
  })),
  smallPause,
];

const DEEP: SmallImage[] = [
  { name: 'registry.test/deep:1', layers: Array.from({ length: 127 }, (_, depth) => `layer-${depth}`) },
  smallPause,
];

const measureSmall = (version: ContainerdVersion, disk: Disk) =>
  withNode(folder, version, async (node) => {
    const restored = await coldSeconds(() => WAYS.link(node, disk.path));
    const { phases } = await outcome(node);
    return { seconds: restored, phases, msPerLayer: round((phases.link * 1000) / SMALL_LAYERS) };
  });

const SMALL_LAYERS = new Set(SMALL.flatMap(({ layers }) => layers)).size;

await provide(
  [{ packages: [...IMAGE_PACKAGES, ...CLIENT_PACKAGES] }, ...CONTAINERD_VERSIONS.map(containerdSource), LAZY_DISK],
  log,
);
const disks: Disk[] = [];
const release = async (): Promise<void> => {
  for (const disk of disks) await disk.release();
  await rm(folder, { recursive: true, force: true });
};

try {
  const lazyDisk = await measureLazyApplications(folder, '2');
  log('building the images and their volumes');
  const images = await buildImages([...applications(59), pause], log);
  const sample = await buildImages(samples(), log);
  const [large, small] = [await diskOf(images), await diskOf(images.slice(-10))];
  disks.push(large, small);
  const [sampleDisk, many500, deep] = [await diskOf(sample), await smallDisk(SMALL), await smallDisk(DEEP)];
  disks.push(sampleDisk, many500, deep);

  const byContainerd: Record<string, object> = {};
  for (const version of CONTAINERD_VERSIONS) {
    const many = await measureAll(version, large, images);
    const layers = await measureSmall(version, many500);
    const stores = {
      images60: await measureStore(folder, version, large),
      images500: await measureStore(folder, version, many500),
      deep: await measureStore(folder, version, deep),
    };
    log(`containerd ${version}, store: ${JSON.stringify(stores)}`);
    byContainerd[version] = {
      storeSpeedup: round(many.original.seconds / stores.images60.seconds),
      storeSeconds500: stores.images500.seconds,
      deepSeconds: stores.deep.seconds,
      seedShare: await measureSeedShare(version, images),
      linkSpeedup: round(many.original.seconds / many.link.seconds),
      nodeDiskRatio: round(many.link.megabytes / many.original.megabytes),
      storeDiskRatio: round(stores.images60.megabytes / many.original.megabytes),
      msPerLayer: layers.msPerLayer,
      stores,
      bootSeconds: await measureBoot(folder, version, large),
      images10: await measureAll(version, small, images.slice(-10)),
      images60: many,
      images500: layers,
      sampleSet: {
        original: await measure(version, 'original', sampleDisk, sample),
        link: await measure(version, 'link', sampleDisk, sample),
      },
      load: loadavg().map(round),
    };
  }
  console.log(JSON.stringify({ byContainerd, lazyDisk }));
} finally {
  await release();
}
