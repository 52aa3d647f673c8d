// Compares export with the original tool, which writes one archive per image, on the same machine.
// usage: node test/bench/export.ts
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { provide } from '../cluster/components.ts';
import { pushImages } from '../cluster/images/push.ts';
import type { SampleImage } from '../cluster/images/sample-image.ts';
import { run } from '../cluster/machine/run.ts';
import { containerdSource } from '../cluster/node/config.ts';
import { IMAGE_PACKAGES } from '../cluster/sample-images.ts';
import { REPOSITORY } from '../cluster/state.ts';
import { startRegistry } from '../e2e/registry/server.ts';
import type { PrivateNode } from '../harness/private-node.ts';
import { collectGarbage, onNode, withNode } from './bench-node.ts';
import { type Disk, emptyDisk, usedBytes, writtenBytes } from './disk.ts';
import { NODES, ours, type Way } from './export-ways.ts';
import { applications, LAYOUT, pause } from './image-set.ts';
import { coldSeconds, log, round } from './timing.ts';

const CONTAINERD = '2';

const folder = await mkdtemp(join(tmpdir(), 'preload-bench-'));
const load = loadavg().map(round);

const megabytes = (bytes: number): number => round(bytes / 1e6);

const withExportNode = async <T>(sandbox: string, body: (node: PrivateNode, disk: Disk) => Promise<T>): Promise<T> => {
  const disk = await emptyDisk(join(folder, 'node-disk'));
  const config = `[plugins."io.containerd.grpc.v1.cri"]\nsandbox_image = "${sandbox}"\n`;
  try {
    return await withNode(disk.path, CONTAINERD, (node) => body(node, disk), config);
  } finally {
    await disk.release();
  }
};

const measure = async (name: string, way: Way, node: PrivateNode, disk: Disk, images: readonly string[]) => {
  const volume = await emptyDisk(join(folder, 'volume-disk'), onNode(node));
  const path = `/proc/${node.pid}/root${volume.path}`; // it is only mounted there
  try {
    await collectGarbage(node);
    const used = await usedBytes(disk.path);
    const written = await writtenBytes(disk);
    const empty = await usedBytes(path);
    let peak: number | undefined;
    const seconds = await coldSeconds(async () => {
      peak = await way(node, volume.path, images);
    });
    const nodeWrittenMB = megabytes((await writtenBytes(disk)) - written);
    await collectGarbage(node);
    const row = {
      seconds,
      volumeMB: megabytes((await usedBytes(path)) - empty),
      nodeWrittenMB,
      nodeLeftMB: megabytes((await usedBytes(disk.path)) - used),
      ...(peak !== undefined && { peakNodeRssMB: round(peak) }),
    };
    log(`${images.length} images, ${name}: ${JSON.stringify(row)}`);
    return row;
  } finally {
    await volume.release();
  }
};

type Row = Awaited<ReturnType<typeof measure>>;

const measureAll = async (images: readonly string[], sandbox: string): Promise<Record<string, Row>> => {
  const rows: Record<string, Row> = {};
  for (const { prepare, ways } of NODES) {
    await withExportNode(sandbox, async (node, disk) => {
      await prepare(node, images);
      for (const [name, way] of Object.entries(ways)) rows[name] = await measure(name, way, node, disk, images);
    });
  }
  return rows;
};

/** An image with one layer that nothing can compress. */
const randomImage = (megabytes: number): SampleImage => ({
  names: [`bench/random-${megabytes}:1`],
  layers: [
    { name: `random ${megabytes} MB`, compression: 'none', script: `head -c ${megabytes}MB /dev/urandom >random` },
  ],
});

/** Peak memory in MB while an image is pulled, by the megabytes of its layer. */
const measureMemory = async (registry: string, sandbox: string): Promise<Record<string, number>> => {
  const peaks: Record<string, number> = {};
  for (const size of [1, 500, 2000]) {
    const images = await pushImages([randomImage(size)], { registry, cache: join(folder, 'random'), log });
    await withExportNode(sandbox, async (node, disk) => {
      const row = await measure(`a layer of ${size} MB`, ours, node, disk, images);
      peaks[size] = row.peakNodeRssMB ?? Number.NaN;
    });
  }
  return peaks;
};

const ratio = (rows: Record<string, Row>, figure: 'seconds' | 'volumeMB'): number =>
  round((rows.cached?.[figure] ?? Number.NaN) / (rows.original?.[figure] ?? Number.NaN));

await provide([{ packages: IMAGE_PACKAGES }, containerdSource(CONTAINERD)], log);
await run([process.execPath, 'build.mjs'], { cwd: REPOSITORY });
const registry = await startRegistry(join(folder, 'registry'), 'registry');
try {
  log('building the images and pushing them');
  const pushed = await pushImages([pause, ...applications(60)], {
    registry: registry.address,
    cache: LAYOUT,
    log: () => {},
  });
  const [sandbox = '', ...images] = pushed;
  const byImages = {
    20: await measureAll([sandbox, ...images.slice(0, 20)], sandbox),
    60: await measureAll([sandbox, ...images], sandbox),
  };
  const peakByLayerMB = await measureMemory(registry.address, sandbox);
  const rows = Object.values(byImages[60]);
  console.log(
    JSON.stringify({
      ratios: { exportTime: ratio(byImages[60], 'seconds'), volumeSize: ratio(byImages[60], 'volumeMB') },
      peakNodeRssMB: Math.max(...rows.map((row) => row.peakNodeRssMB ?? 0), ...Object.values(peakByLayerMB)),
      peakByLayerMB,
      byImages,
      containerd: CONTAINERD,
      load,
    }),
  );
} finally {
  await registry.stop();
  await rm(folder, { recursive: true, force: true });
}
