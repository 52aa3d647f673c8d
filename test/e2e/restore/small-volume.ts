import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CapturedImage } from '../../../src/model/image.ts';
import { blobPath, chainIds, digestOf, mediaTypeOf, parseDocument } from '../../../src/model/oci.ts';
import * as format from '../../../src/volume/format.ts';
import { restoreScript } from '../../../src/volume/restore/script.ts';
import {
  type Descriptor,
  type Document,
  type ImageDocuments,
  imageDocuments,
  indexDocument,
  type LayerBlob,
} from '../../cluster/images/oci-image.ts';
import { run } from '../../cluster/machine/run.ts';
import type { PrivateNode } from '../../harness/private-node.ts';
import { packLayer, unpackLayer } from '../../harness/small-layer.ts';

/** `layers` names layers, base first; the same name is the same layer in every image. */
export interface SmallImage {
  name: string;
  layers: string[];
  sandbox?: boolean;
}

export interface SmallVolumeOptions {
  /** also the layers' blobs */
  blobs?: boolean;
  /** of restore.sh */
  defaults?: format.RestoreDefaults;
  /** of the filesystem that it will be on */
  uuid?: string | null;
}

export const PLATFORM = process.arch === 'arm64' ? 'linux/arm64' : 'linux/amd64';

/**
 * Writes a finished volume of format 1, with layer blobs beside the layers if asked. Every image is an index whose
 * manifest for another platform is missing. Returns the set.
 */
export const writeSmallVolume = async (
  volume: string,
  images: readonly SmallImage[],
  options: SmallVolumeOptions = {},
): Promise<string> => {
  const captured: CapturedImage[] = [];
  for (const image of images)
    captured.push({ ...(await writeImage(volume, image, false)), blobs: options.blobs ?? false });
  for (const layer of new Set(images.flatMap((image) => image.layers))) {
    const chains = captured.map((image, index) => image.layers[images[index]?.layers.indexOf(layer) ?? -1]?.chainId);
    for (const chain of new Set(chains)) if (chain) await unpackLayer(join(volume, format.layerFolder(chain)), layer);
  }
  await writeIndex(volume, captured);
  await run(['tar', '-cf', 'images.tar', 'oci-layout', 'index.json', 'blobs'], { cwd: volume });
  if (options.blobs) for (const image of images) await writeImage(volume, image, true);
  await finishVolume(volume, captured, options);
  return setOf(volume);
};

/** Writes restore/ and preload.json, from images.tar and what else there is in `volume`. */
export const finishVolume = async (
  volume: string,
  captured: readonly CapturedImage[],
  { blobs = false, defaults = {}, uuid = null }: SmallVolumeOptions = {},
): Promise<void> => {
  await mkdir(join(volume, 'restore'));
  await rename(join(volume, 'images.tar'), join(volume, format.imagesArchive()));
  await writeFile(join(volume, format.LAYER_LIST), format.layerList(captured));
  await writeFile(join(volume, format.NAME_LIST), format.nameList(captured));
  if (blobs) await writeFile(join(volume, format.BLOB_LIST), format.blobList(captured));
  await writeFile(join(volume, format.RESTORE_SCRIPT), restoreScript);
  const contents = {
    set: await setOf(volume),
    version: '0.1.0',
    created: '2026-11-24T12:00:00Z',
    platform: PLATFORM,
    layout: blobs ? ('layers,blobs' as const) : ('layers' as const),
    uuid,
    images: [...captured],
  };
  await writeFile(join(volume, format.CONTENTS_FILE), format.contentsFile(contents, await checksums(volume), defaults));
};

/** The name of the volume's set. */
export const setOf = async (volume: string): Promise<string> =>
  digestOf(
    Buffer.concat([await readFile(join(volume, format.LAYER_LIST)), await readFile(join(volume, format.NAME_LIST))]),
  )
    .slice('sha256:'.length)
    .slice(0, 12);

const CHECKED = [
  format.imagesArchive(),
  format.LAYER_LIST,
  format.NAME_LIST,
  format.BLOB_LIST,
  format.HOT_LIST,
  format.RESTORE_SCRIPT,
];

/** Sums of restore/* and restore.sh, by path on the volume. */
export const checksums = async (volume: string): Promise<Record<string, string>> => {
  const sums: Record<string, string> = {};
  for (const path of CHECKED) {
    const content = await readFile(join(volume, path)).catch(() => undefined);
    if (content) sums[path] = digestOf(content);
  }
  return sums;
};

/** Does with the image what a pull does, without a registry. */
export const pullSmallImage = async (
  node: PrivateNode,
  scratch: string,
  image: SmallImage,
  ...flags: string[]
): Promise<void> => {
  const archive = await packSmallImage(scratch, image);
  await node.ctr(...flags, 'images', 'import', '--platform', PLATFORM, archive);
};

/** Returns the path of an archive that containerd can import, until the next one is made in `scratch`. */
export const packSmallImage = async (scratch: string, image: SmallImage): Promise<string> => {
  const [layout, archive] = [join(scratch, 'layout'), join(scratch, 'image.tar')];
  await writeIndex(layout, [await writeImage(layout, image, true)]);
  await run(['tar', '-cf', archive, '-C', layout, '.']);
  await rm(layout, { recursive: true });
  return archive;
};

const writeImage = async (layout: string, image: SmallImage, withLayers: boolean): Promise<CapturedImage> => {
  const blobs: LayerBlob[] = [];
  for (const layer of image.layers) blobs.push(await layerBlob(layout, layer, withLayers));
  const [os = '', architecture = ''] = PLATFORM.split('/');
  const platform = { os, architecture };
  const { manifest, config } = imageDocuments({ layers: blobs, platform, command: [image.name], format: 'oci' });
  const foreign = { ...manifest.descriptor, digest: digestOf(image.name), platform: { os, architecture: 's390x' } };
  const index = indexDocument([foreign, { ...manifest.descriptor, platform }]);
  for (const document of [manifest, config, index]) await writeDocument(layout, document);
  return capturedImage([image.name], index.descriptor, { manifest, config }, blobs, image.sandbox);
};

/** What a capture says of an image with these documents and layers: its tags, and each with the digest. */
export const capturedImage = (
  tags: readonly string[],
  { digest }: Descriptor,
  { manifest, config }: Pick<ImageDocuments, 'manifest' | 'config'>,
  layers: readonly LayerBlob[],
  sandbox = false,
): CapturedImage => ({
  names: [...tags, ...new Set(tags.map((tag) => `${tag.replace(/:[^/]*$/, '')}@${digest}`))],
  digest,
  manifest: manifest.descriptor.digest,
  config: config.descriptor.digest,
  layers: chainIds(parseDocument(Buffer.from(config.content))).map((chainId, index) => ({
    chainId,
    digest: layers[index]?.digest ?? '',
    bytes: layers[index]?.size ?? 0,
    source: 'registry' as const,
  })),
  sandbox,
  system: false,
  blobs: true,
});

const archives = new Map<string, ReturnType<typeof packLayer>>();

const layerBlob = async (layout: string, layer: string, keep: boolean): Promise<LayerBlob> => {
  const packed = archives.get(layer) ?? packLayer(layout, layer);
  archives.set(layer, packed);
  const { blob, data } = await packed;
  if (keep) await writeBlob(layout, blob.digest, data);
  return blob;
};

/** Writes the index.json of an OCI layout that has the images' documents. */
export const writeIndex = async (layout: string, images: readonly CapturedImage[]) => {
  const manifests = [];
  for (const { names, digest } of images) {
    const data = await readFile(join(layout, blobPath(digest)));
    const entry = { mediaType: mediaTypeOf(parseDocument(data)), digest, size: data.length };
    manifests.push(
      ...names.map((name) => ({
        ...entry,
        annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name },
      })),
    );
  }
  await writeFile(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  await writeFile(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
};

const writeDocument = (layout: string, { descriptor, content }: Document) =>
  writeBlob(layout, descriptor.digest, Buffer.from(content));

const writeBlob = async (layout: string, digest: string, data: Buffer) => {
  const path = join(layout, blobPath(digest));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, data);
};
