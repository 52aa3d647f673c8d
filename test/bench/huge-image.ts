// Captures one huge image: from a registry, and from a node that has it; then restores and verifies the volume.
// usage: node test/bench/huge-image.ts [GB]; needs about 2.5 times as much on the disk of the temporary folder
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { provide } from '../cluster/components.ts';
import { imageDocuments, type LayerBlob } from '../cluster/images/oci-image.ts';
import { pushImages } from '../cluster/images/push.ts';
import { pushBlob, putManifest } from '../cluster/images/registry.ts';
import { run } from '../cluster/machine/run.ts';
import { containerdSource } from '../cluster/node/config.ts';
import { IMAGE_PACKAGES } from '../cluster/sample-images.ts';
import { REPOSITORY } from '../cluster/state.ts';
import { startRegistry } from '../e2e/registry/server.ts';
import { discardLayers } from '../harness/discard-layers.ts';
import type { PrivateNode } from '../harness/private-node.ts';
import { BUNDLE } from '../harness/run-bundle.ts';
import { collectGarbage, onNode, withNode } from './bench-node.ts';
import { emptyDisk } from './disk.ts';
import { bring } from './export-ways.ts';
import { type Content, writeHugeLayer } from './huge-layer.ts';
import { LAYOUT, pause } from './image-set.ts';
import { coldSeconds, log, round, seconds } from './timing.ts';
import { watchedExport } from './watched-export.ts';

const CONTAINERD = '2';
const GIGABYTE = 1e9;
const DEFAULT = 4;
const SMALL_FILE = 200_000;

const [total = DEFAULT] = process.argv.slice(2).map(Number);
const folder = await mkdtemp(join(tmpdir(), 'preload-bench-'));

const gigabytes = (bytes: number): number => round(bytes / GIGABYTE);
const megabytes = (bytes: number): number => round(bytes / 1e6);

/** Many small files that make up a share of the image. */
const small = (name: string, share: number) =>
  Array.from({ length: Math.round((share * total * GIGABYTE) / SMALL_FILE) }, (_, index) => ({
    name: `${name}/${Math.floor(index / 1000)}/file-${index}`,
    bytes: SMALL_FILE,
  }));

/** One file that makes up a share of the image. */
const large = (name: string, share: number) => ({ name, bytes: Math.round(share * total * GIGABYTE) });

/** Of 12 GB: 9 in one file, which is more than a plain tar header can say, beside many small ones. */
const LAYERS: [Content, { name: string; bytes: number }[]][] = [
  ['code', small('usr', 0.05)],
  ['random', [large('weights', 0.75), ...small('models', 0.05)]],
  ['code', small('opt', 0.1)],
  ['random', [large('data', 0.05)]],
];

/** Moves a blob into the registry's storage, because a push would copy it and may stall. */
const storeBlob = async (digest: string, file: string): Promise<void> => {
  const storage = join(folder, 'registry/data/docker/registry/v2');
  const hex = digest.replace('sha256:', '');
  const [blob, link] = [
    join(storage, 'blobs/sha256', hex.slice(0, 2), hex, 'data'),
    join(storage, 'repositories/huge/_layers/sha256', hex, 'link'),
  ];
  for (const path of [blob, link]) await mkdir(dirname(path), { recursive: true });
  await rename(file, blob);
  await writeFile(link, digest);
};

/** Pushes the image; its blobs are nowhere but in the registry. */
const push = async (address: string): Promise<string> => {
  const repository = `http://${address}/v2/huge`;
  const layers: LayerBlob[] = [];
  const file = join(folder, 'blob');
  for (const [content, files] of LAYERS) {
    const layer = await writeHugeLayer(file, content, files);
    await storeBlob(layer.digest, file);
    layers.push(layer);
    log(
      `pushed a layer of ${gigabytes(layer.size)} GB, ${gigabytes(files.reduce((sum, { bytes }) => sum + bytes, 0))} GB unpacked`,
    );
  }
  const platform = { os: 'linux', architecture: 'amd64' };
  const { manifest, config } = imageDocuments({ layers, platform, command: ['true'], format: 'oci' });
  await writeFile(file, config.content);
  await pushBlob(repository, config.descriptor.digest, file);
  await putManifest(repository, '1', manifest);
  return `${address}/huge:1`;
};

/** Captures the image; `then` gets the path of the sealed volume. */
const capture = async (node: PrivateNode, image: string, then?: (path: string) => Promise<object>) => {
  const volume = await emptyDisk(join(folder, 'volume'), onNode(node));
  try {
    const found = await watchedExport(node, volume, [image]);
    return {
      seconds: found.seconds,
      peakNodeRssMB: megabytes(found.peakOfProgram),
      peakMemoryMB: megabytes(found.peakMemory),
      volumePeakGB: gigabytes(found.peak),
      volumeSealedGB: gigabytes(found.sealed),
      volumeRequestedGB: gigabytes(found.requested),
      requestedToPeak: round(found.requested / found.peak),
      archiveGB: gigabytes(found.archives),
      ...(await then?.(volume.path)),
    };
  } finally {
    await volume.release();
  }
};

await provide([{ packages: IMAGE_PACKAGES }, containerdSource(CONTAINERD)], log);
await run([process.execPath, 'build.mjs'], { cwd: REPOSITORY });
const load = loadavg().map(round);
const registry = await startRegistry(join(folder, 'registry'), 'registry');
try {
  log(`building an image of ${total} GB and pushing it`);
  const [sandbox = ''] = await pushImages([pause], { registry: registry.address, cache: LAYOUT, log: () => {} });
  const image = await push(registry.address);
  const config = `[plugins."io.containerd.grpc.v1.cri"]\nsandbox_image = "${sandbox}"\n`;
  const rows: Record<string, object> = {};
  await withNode(
    folder,
    CONTAINERD,
    async (node) => {
      rows.pulled = await capture(node, image, async (path) => ({
        restoreSeconds: await coldSeconds(() => onNode(node)(['sh', `${path}/restore.sh`])),
        verifySeconds: await seconds(() => onNode(node)([process.execPath, BUNDLE, 'verify', '--volume', path])),
      }));
      log(`pulled: ${JSON.stringify(rows.pulled)}`);
    },
    config,
  );
  await withNode(
    folder,
    CONTAINERD,
    async (node) => {
      await bring('images pull')(node, [sandbox, image]);
      // the disk may not have room for them and the volume
      await discardLayers(node.ctr);
      await rm(join(folder, 'registry'), { recursive: true });
      await collectGarbage(node);
      rows.cached = await capture(node, image);
      log(`cached: ${JSON.stringify(rows.cached)}`);
    },
    config,
  );
  console.log(JSON.stringify({ gigabytes: total, ...rows, containerd: CONTAINERD, load }));
} finally {
  await registry.stop();
  await rm(folder, { recursive: true, force: true });
}
