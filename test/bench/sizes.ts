// Measures what is used of a volume against what create requests for it, and against one archive per image.
// usage: node test/bench/sizes.ts [COUNT...]; numbers of images, 1, 30 and 300 by default
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { provide } from '../cluster/components.ts';
import { pushImages } from '../cluster/images/push.ts';
import { run } from '../cluster/machine/run.ts';
import { containerdSource } from '../cluster/node/config.ts';
import { IMAGE_PACKAGES } from '../cluster/sample-images.ts';
import { REPOSITORY } from '../cluster/state.ts';
import { startRegistry } from '../e2e/registry/server.ts';
import { onNode, withNode } from './bench-node.ts';
import { emptyDisk } from './disk.ts';
import { bring } from './export-ways.ts';
import { applications, LAYOUT, pause } from './image-set.ts';
import { log, round } from './timing.ts';
import { watchedExport } from './watched-export.ts';

const CONTAINERD = '2';
const MEBIBYTE = 1024 ** 2;
const COUNTS = [1, 30, 300];

const given = process.argv.slice(2).map(Number);
const counts = given.length > 0 ? given : COUNTS;
const folder = await mkdtemp(join(tmpdir(), 'preload-bench-'));
const mebibytes = (bytes: number): number => Math.round(bytes / MEBIBYTE);

const SOURCES = { pulled: async () => {}, cached: bring('images pull') };

const measure = (source: keyof typeof SOURCES, sandbox: string, images: readonly string[]) =>
  withNode(
    folder,
    CONTAINERD,
    async (node) => {
      await SOURCES[source](node, [sandbox, ...images]);
      const volume = await emptyDisk(join(folder, 'volume'), onNode(node));
      try {
        const { seconds, peak, sealed, requested, archives } = await watchedExport(node, volume, images);
        const most = Math.max(1024 * MEBIBYTE, 1.3 * peak + 512 * MEBIBYTE);
        const row = {
          ...{ images: images.length, source, seconds },
          ...{ peakMi: mebibytes(peak), requestedMi: mebibytes(requested), mostMi: mebibytes(most) },
          holds: requested >= peak && requested <= most,
          ...{
            sealedMi: mebibytes(sealed),
            archivesMi: mebibytes(archives),
            sealedToArchives: round(sealed / archives),
          },
        };
        log(JSON.stringify(row));
        return row;
      } finally {
        await volume.release();
      }
    },
    `[plugins."io.containerd.grpc.v1.cri"]\nsandbox_image = "${sandbox}"\n`,
  );

await provide([{ packages: IMAGE_PACKAGES }, containerdSource(CONTAINERD)], log);
await run([process.execPath, 'build.mjs'], { cwd: REPOSITORY });
const load = loadavg().map(round);
const registry = await startRegistry(join(folder, 'registry'), 'registry');
try {
  log('building the images and pushing them');
  const options = { registry: registry.address, cache: LAYOUT, log: () => {} };
  const [sandbox = '', ...images] = await pushImages([pause, ...applications(Math.max(...counts))], options);
  const rows: object[] = [];
  for (const count of counts) {
    for (const source of ['pulled', 'cached'] as const) {
      rows.push(await measure(source, sandbox, images.slice(0, count)));
    }
  }
  console.log(JSON.stringify({ rows, containerd: CONTAINERD, load }));
} finally {
  await registry.stop();
  await rm(folder, { recursive: true, force: true });
}
