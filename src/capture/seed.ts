import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { distinctLayers } from '../model/contents.ts';
import { PreloadError } from '../model/errors.ts';
import type { CapturedImage, ResolvedImage } from '../model/image.ts';
import { mediaTypeOf } from '../model/oci.ts';
import { inNode, run } from '../node/command.ts';
import { openContainerdApi } from '../node/containerd-api.ts';
import { documentsOf } from '../volume/archives.ts';
import { SEED } from '../volume/format.ts';
import { writeInPlace } from '../volume/place.ts';
import { DATABASE_FILES, seedEntries } from '../volume/seed/archive.ts';
import { compactBolt } from '../volume/seed/bolt.ts';
import { gnuTar } from '../volume/seed/gnu-tar.ts';
import { type Databases, type ExpectedStore, type FoundStore, readStore, setLabels } from '../volume/seed/store.ts';
import type { Capture } from './context.ts';
import { type ImportProblems, importDocuments } from './import-documents.ts';
import { type PrivateContainerd, startPrivateContainerd } from './private-containerd.ts';

/** A store of containerd that has the images, for nodes to start with. */
export interface Seed extends Databases, FoundStore {
  images: readonly ResolvedImage[];
  /** of the containerd that made it */
  version: string;
}

// Stands for the set, which is known only when all layers have come. As long as one, and in no name, digest or media type.
const ANY_SET = '<the set ID>';

/**
 * Lets a containerd with its store in memory get the images as a node does: their documents, names and labels, and a
 * snapshot for every layer, whose folder stays empty. Returns its store, or why it rejects some images. Throws if the store
 * cannot be built.
 */
export const buildSeed = async (
  capture: Capture,
  images: readonly ResolvedImage[],
): Promise<{ problems: ImportProblems; seed?: Seed }> => {
  const containerd = await startPrivateContainerd(capture, 'seed');
  try {
    const problems = await importDocuments(capture, containerd, images);
    if (problems.size > 0) return { problems };
    const expected = expectedStore(images);
    await fillStore(capture, containerd, expected);
    await containerd.end();
    const read = async (file: string) => compactBolt(await readFile(join(containerd.store, file)));
    const databases = {
      metadata: await read(DATABASE_FILES.metadata),
      snapshots: await read(DATABASE_FILES.snapshots),
    };
    const version = await versionOf(capture);
    return { problems, seed: { ...databases, ...readStore(databases, expected), images, version } };
  } finally {
    await containerd.stop();
  }
};

/** Writes the archive of a seed to the volume, as that of `set`. */
export const writeSeed = async (
  volume: string,
  { metadata, snapshots, numbers, documents, images }: Seed,
  captured: readonly CapturedImage[],
  set: string,
): Promise<void> => {
  replaceAll(metadata, ANY_SET, set);
  const entries = seedEntries({
    databases: { metadata, snapshots },
    documents: new Map(
      images
        .flatMap(documentsOf)
        .filter(({ digest }) => documents.has(digest))
        .map(({ digest, data }) => [digest, data]),
    ),
    layers: distinctLayers(captured),
    numbers,
    set,
  });
  await writeInPlace(volume, SEED, gnuTar(entries));
};

const expectedStore = (images: readonly ResolvedImage[]): ExpectedStore => {
  const layers = images.flatMap((image) =>
    image.layers.map(({ chainId }, index) => ({ chainId, parent: image.layers[index - 1]?.chainId })),
  );
  return {
    images: images.map(({ names, target, manifest, config }) => ({
      names,
      target: { digest: target.digest, mediaType: mediaTypeOf(target) },
      manifest: manifest.digest,
      config: config.digest,
    })),
    documents: new Map(images.flatMap(documentsOf).map(({ digest, data }) => [digest, data.length])),
    layers: [...new Map(layers.map((layer) => [layer.chainId, layer])).values()],
    set: ANY_SET,
  };
};

/** Adds the layers, and everything that restore.sh and CRI add to names that were imported. */
const fillStore = async (
  { signal }: Capture,
  { ctr, socket, namespace }: PrivateContainerd,
  { layers, images, set }: ExpectedStore,
): Promise<void> => {
  const api = openContainerdApi(socket, namespace, signal);
  try {
    for (const { chainId, parent } of layers) {
      const key = `preload-${chainId}`;
      await api.prepare(key, parent);
      await api.commit(chainId, key);
    }
    const deadline = Date.now() + CRI_TIMEOUT;
    while ((await run([...ctr, 'images', 'ls', '-q', UNKNOWN_TO_CRI], signal)).length > 0) {
      if (Date.now() > deadline) throw new PreloadError('its CRI plugin does not label the images');
      await sleep(50);
    }
    for (const name of images.flatMap(({ names }) => names)) await api.labelImage(name, setLabels(set));
  } finally {
    api.close();
  }
  const lease = (await run([...ctr, 'leases', 'create'], signal)).toString().trim();
  await run([...ctr, 'leases', 'rm', '--sync', lease], signal); // collects garbage
};

const CRI_TIMEOUT = 30_000;
const UNKNOWN_TO_CRI = 'labels."io.cri-containerd.image"!=managed';

const versionOf = async ({ root, node, signal }: Capture): Promise<string> => {
  const text = (await run(inNode(root, [node.program, '--version']), signal)).toString();
  const version = /\d+\.\d+\.\d+/.exec(text)?.[0];
  if (!version) throw new PreloadError('its containerd does not say its version');
  return version;
};

/** `from` and `to` have the same length. */
const replaceAll = (data: Buffer, from: string, to: string): void => {
  for (let at = data.indexOf(from); at >= 0; at = data.indexOf(from, at)) data.write(to, at, 'latin1');
};
