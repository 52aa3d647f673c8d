import { link, mkdir, open, rm, rmdir, statfs, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { PreloadError } from '../model/errors.ts';
import type { ResolvedImage } from '../model/image.ts';
import { blobPath, type Document, diffIds, hexOf, parseDocument } from '../model/oci.ts';
import { forEachParallel } from '../model/parallel.ts';
import { parsePlatform } from '../model/platform.ts';
import { run } from '../node/command.ts';
import { parseUpperDirectory, SNAPSHOTTER_FLAG } from '../node/containerd.ts';
import { exists } from '../node/files.ts';
import { holdLayers, releaseLayers } from '../node/held-layers.ts';
import { writeImagesArchive } from '../volume/archives.ts';
import { layerFolder } from '../volume/format.ts';
import type { Capture } from './context.ts';
import { finishLayer } from './copy.ts';
import { type PrivateContainerd, startPrivateContainerd } from './private-containerd.ts';

/** Unpacks images whose blobs are on the volume, with a containerd that uses the layers already there. */
interface Unpacker {
  /** adds the missing layers of these images to the volume; returns the complete ones, calls `onFailed` for the others */
  unpack: (
    images: readonly ResolvedImage[],
    onFailed: (image: ResolvedImage, error: unknown) => void,
  ) => Promise<ResolvedImage[]>;
  stop: () => Promise<void>;
}

export const startUnpacker = async (capture: Capture): Promise<Unpacker> => {
  const containerd = await startPrivateContainerd(capture, 'unpack');
  const linked = new Set<string>();
  const ingested = new Map<string, Promise<void>>();
  const importing = new Map<string, Promise<void>>();
  return {
    unpack: async (images, onFailed) => {
      /** Returns the images for which `work` succeeds. */
      const filter = async (candidates: readonly ResolvedImage[], atOnce: number, work: typeof importLayers) => {
        const succeeded = new Set<ResolvedImage>();
        await forEachParallel(candidates, atOnce, async (image) => {
          try {
            await work(image);
            succeeded.add(image);
          } catch (error) {
            capture.signal.throwIfAborted();
            onFailed(image, await withFullVolume(capture, error));
          }
        });
        return candidates.filter((image) => succeeded.has(image));
      };
      const importLayers = async (image: ResolvedImage): Promise<void> => {
        for (const { digest } of image.layers) {
          const ingesting = ingested.get(digest) ?? ingest(capture, containerd, digest);
          ingested.set(digest, ingesting);
          await ingesting;
        }
        // images that have the same layers at the same time are imported once
        const key = JSON.stringify([
          image.layers.map((layer) => [layer.digest, layer.mediaType, layer.size]),
          diffIds(image.config),
        ]);
        const underWay = importing.get(key) ?? importImage(capture, containerd, image);
        importing.set(key, underWay);
        await underWay.finally(() => importing.delete(key));
      };
      const ready = await filter(images, 1, (image) => linkLayers(capture, containerd, image, linked));
      const imported = await filter(ready, capture.request.parallel, importLayers);
      // directories may only move when nothing is being unpacked on top of them
      return filter(imported, 1, (image) => moveLayers(capture, containerd, image, linked));
    },
    stop: containerd.stop,
  };
};

const ALMOST_FULL = 1024 ** 2; // bytes

/** The error of a full volume, if that is what made containerd fail: it may report something else then. */
const withFullVolume = async ({ volume }: Capture, error: unknown): Promise<unknown> => {
  const { bavail, bsize } = await statfs(volume);
  return bavail * bsize < ALMOST_FULL ? Object.assign(new Error('no space left'), { code: 'ENOSPC' }) : error;
};

/** Registers the image's layers on the volume as snapshots of the private containerd, like restore.sh on a node. */
const linkLayers = async (
  { volume, volumeInNode, signal }: Capture,
  { ctr }: PrivateContainerd,
  { layers }: ResolvedImage,
  linked: Set<string>,
): Promise<void> => {
  const snapshots = [...ctr, 'snapshots', ...SNAPSHOTTER_FLAG];
  for (const [index, { chainId }] of layers.entries()) {
    if (linked.has(chainId)) continue;
    if (!(await exists(join(volume, layerFolder(chainId))))) return;
    const key = `preload-${chainId}`;
    const parent = layers[index - 1]?.chainId;
    const prepare = [...snapshots, 'prepare', '--target', '/', key, ...(parent ? [parent] : [])];
    const folder = parseUpperDirectory((await run(prepare, signal)).toString());
    if (!folder) throw new PreloadError('containerd did not report where it prepared a layer');
    const place = join(volume, relative(volumeInNode, folder));
    await rmdir(place);
    await symlink(join(volumeInNode, layerFolder(chainId)), place);
    await run([...snapshots, 'commit', chainId, key], signal);
    linked.add(chainId);
  }
};

/** Adds a blob on the volume to the private containerd's content store by a hard link, without copying it. */
const ingest = async (
  { volume, signal }: Capture,
  { ctr, store }: PrivateContainerd,
  digest: string,
): Promise<void> => {
  const blob = join(volume, blobPath(digest));
  if (!(await exists(blob))) return; // not needed, since its layer is on the volume
  const place = join(store, CONTENT, blobPath(digest));
  await mkdir(dirname(place), { recursive: true });
  await link(blob, place);
  const input = await open(blob); // ctr reads nothing from it, but requires a file
  try {
    await run([...ctr, 'content', 'ingest', '--expected-digest', digest, digest], signal, { input: input.fd });
  } finally {
    await input.close();
  }
};

/**
 * Unpacks the image's layers. Under a manifest and a config of our own, which say no more than that: whatever else is in
 * the image's own, such as another platform, it cannot lead containerd astray.
 */
const importImage = async (
  { request, signal }: Capture,
  { ctr, work, workInNode }: PrivateContainerd,
  { layers, config }: ResolvedImage,
): Promise<void> => {
  const { os, architecture, variant } = parsePlatform(request.platform);
  const rootfs = { type: 'layers', diff_ids: diffIds(config) };
  const ownConfig = jsonDocument({ os, architecture, ...(variant && { variant }), rootfs });
  const ownManifest = jsonDocument({
    ...{ schemaVersion: 2, mediaType: MANIFEST_TYPE },
    config: descriptorOf(ownConfig, 'application/vnd.oci.image.config.v1+json'),
    layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
  });
  const name = `${hexOf(ownManifest.digest)}.tar`;
  const archive = join(work, name);
  await writeImagesArchive(archive, [{ name: `preload/${name}`, target: ownManifest }], [ownManifest, ownConfig]);
  const archiveInNode = join(workInNode, name);
  await run([...ctr, 'images', 'import', ...SNAPSHOTTER_FLAG, '--platform', request.platform, archiveInNode], signal);
  await rm(archive);
};

const CONTENT = 'io.containerd.content.v1.content';
const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';

const jsonDocument = (json: Record<string, unknown>): Document => parseDocument(Buffer.from(JSON.stringify(json)));

const descriptorOf = ({ digest, data }: Document, mediaType: string) => ({ mediaType, digest, size: data.length });

/** Moves unpacked layers to layers/ on the volume. Leaves links, so that other layers can be unpacked on top. */
const moveLayers = async (
  { volume, volumeInNode, runId, signal }: Capture,
  { ctr }: PrivateContainerd,
  { layers }: ResolvedImage,
  linked: Set<string>,
): Promise<void> => {
  const { folders, key } = await holdLayers(
    ctr,
    runId,
    layers.map(({ chainId }) => chainId),
    signal,
  );
  if (key) await releaseLayers(ctr, [key]);
  for (const [chainId, folder] of folders) {
    if (linked.has(chainId)) continue;
    const place = relative(volumeInNode, folder);
    await finishLayer(volume, place, chainId);
    await symlink(join(volumeInNode, layerFolder(chainId)), join(volume, place));
    linked.add(chainId);
  }
};
