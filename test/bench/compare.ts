// Compares this build with the build of another checkout; they run alternately on the same nodes and disks.
// usage: node test/bench/compare.ts CHECKOUT [RUNS [ONLY...]]; ONLY are beginnings of names, such as restore
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { TOOL } from '../../src/model/names.ts';
import { provide } from '../cluster/components.ts';
import { pushImages } from '../cluster/images/push.ts';
import { run } from '../cluster/machine/run.ts';
import { containerdSource } from '../cluster/node/config.ts';
import { IMAGE_PACKAGES } from '../cluster/sample-images.ts';
import { REPOSITORY } from '../cluster/state.ts';
import { startRegistry } from '../e2e/registry/server.ts';
import { BUNDLE } from '../harness/run-bundle.ts';
import { onNode, withNode } from './bench-node.ts';
import { emptyDisk, makeDisk } from './disk.ts';
import { bring, exportWith } from './export-ways.ts';
import { applications, LAYOUT, pause } from './image-set.ts';
import { WAYS } from './restore-ways.ts';
import { coldSeconds, log, round, seconds } from './timing.ts';

const CONTAINERD = '2';
const IMAGES = 20;
const HELP_CALLS = 20;

const [checkout = '', runs = '5', ...only] = process.argv.slice(2);
const BUILDS = { other: resolve(checkout, 'dist', TOOL), here: BUNDLE };
type Build = keyof typeof BUILDS;

const folder = await mkdtemp(join(tmpdir(), 'preload-bench-'));
const rows: Record<string, Record<Build, number[]>> = {};

const isWanted = (name: string): boolean => only.length === 0 || only.some((start) => name.startsWith(start));

/** Measures both builds by turns; the one that begins changes with every round. */
const compare = async (name: string, measure: (build: Build) => Promise<number>): Promise<void> => {
  if (!isWanted(name)) return;
  const row: Record<Build, number[]> = { other: [], here: [] };
  rows[name] = row;
  for (let round = 0; round < Number(runs); round++) {
    const order: Build[] = round % 2 ? ['here', 'other'] : ['other', 'here'];
    for (const build of order) row[build].push(await measure(build));
  }
  log(`${name}: ${JSON.stringify(row)}`);
};

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;

await provide([{ packages: IMAGE_PACKAGES }, containerdSource(CONTAINERD)], log);
for (const root of [REPOSITORY, resolve(checkout)]) await run([process.execPath, 'build.mjs'], { cwd: root });
const registry = await startRegistry(join(folder, 'registry'), 'registry');
const releases: (() => Promise<void>)[] = [() => registry.stop()];
try {
  const options = { registry: registry.address, cache: LAYOUT, log: () => {} };
  const [sandbox = '', ...images] = await pushImages([pause, ...applications(IMAGES)], options);
  const config = `[plugins."io.containerd.grpc.v1.cri"]\nsandbox_image = "${sandbox}"\n`;

  await compare('help', (build) =>
    seconds(async () => {
      for (let call = 0; call < HELP_CALLS; call++) await run([process.execPath, BUILDS[build], '--help']);
    }),
  );

  const sources = { cached: bring('images pull'), blobs: bring('content fetch'), pulled: async () => {} };
  for (const [name, prepare] of Object.entries(sources)) {
    if (!isWanted(`export, ${name}`)) continue;
    await withNode(
      folder,
      CONTAINERD,
      async (node) => {
        await prepare(node, images);
        await compare(`export, ${name}`, async (build) => {
          const volume = await emptyDisk(join(folder, 'volume'), onNode(node));
          try {
            return await coldSeconds(() => exportWith(BUILDS[build])(node, volume.path, images));
          } finally {
            await volume.release();
          }
        });
      },
      config,
    );
  }

  const disks: Record<string, string> = {};
  for (const [build, bundle] of Object.entries(BUILDS)) {
    const disk = await makeDisk(join(folder, build), (path) =>
      withNode(folder, CONTAINERD, async (node) => void (await exportWith(bundle)(node, path, images)), config),
    );
    disks[build] = disk.path;
    releases.push(() => disk.release());
  }
  await compare('verify', (build) =>
    coldSeconds(() => run([process.execPath, BUILDS[build], 'verify', '--volume', disks[build] ?? ''])),
  );
  for (const way of ['link', 'copy'] as const) {
    await compare(`restore, ${way}`, (build) =>
      withNode(folder, CONTAINERD, (node) => coldSeconds(() => WAYS[way](node, disks[build] ?? '')), config),
    );
  }
  const medians = Object.entries(rows).map(([name, { other, here }]) => [
    name,
    { other: median(other), here: median(here), ratio: round(median(here) / median(other)) },
  ]);
  console.log(JSON.stringify({ medians: Object.fromEntries(medians), rows, images: IMAGES, containerd: CONTAINERD }));
} finally {
  for (const release of releases.reverse()) await release();
  await rm(folder, { recursive: true, force: true });
}
