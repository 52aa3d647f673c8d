import { mapBounded } from './concurrency.ts';
import { layerBuilder } from './layer.ts';
import type { Descriptor } from './oci-image.ts';
import { blobPath, writeDocuments, writeNames } from './oci-layout.ts';
import { deleteManifest, mountBlob, pushBlob, putManifest } from './registry.ts';
import { type AssembledImage, assemble, type SampleImage } from './sample-image.ts';
import { sampleSet } from './sample-set.ts';

/** `registry` is HOST:PORT, spoken to in plain HTTP; `cache` becomes an OCI layout that later runs build on. */
export interface PushOptions {
  registry: string;
  cache: string;
  log: (line: string) => void;
}

type UploadBlob = (repository: string, digest: string) => Promise<void>;

/** Returns every reference of the sample set, in the order of its table. */
export const pushSampleImages = async (options: PushOptions): Promise<string[]> => {
  return pushImages(sampleSet, options);
};

export const pushImages = async (images: SampleImage[], { registry, cache, log }: PushOptions): Promise<string[]> => {
  const layer = layerBuilder(cache, log);
  const uploadBlob = blobUploader(registry, cache);
  const roots = new Map<string, Descriptor>();
  const references = await mapBounded(images, 4, async (image) => {
    const assembled = assemble(image, await mapBounded(image.layers, 2, layer));
    await writeDocuments(cache, [...assembled.blobs, ...assembled.manifests]);
    for (const name of image.names) {
      await pushImage(registry, name, assembled, uploadBlob);
      roots.set(`sample/${name}`, assembled.root);
      log(`pushed sample/${name}`);
    }
    return image.names.map((name) => reference(registry, name, assembled.root));
  });
  await writeNames(cache, roots);
  return references.flat();
};

/** Sends each blob once; other repositories of the registry take it over from the first. */
const blobUploader = (registry: string, cache: string): UploadBlob => {
  const homes = new Map<string, { repository: string; uploaded: Promise<void> }>();
  return async (repository, digest) => {
    const home = homes.get(digest);
    if (home) {
      await home.uploaded;
      return mountBlob(address(registry, repository), digest, home.repository);
    }
    const uploaded = pushBlob(address(registry, repository), digest, blobPath(cache, digest));
    homes.set(digest, { repository, uploaded });
    return uploaded;
  };
};

const pushImage = async (registry: string, name: string, image: AssembledImage, upload: UploadBlob): Promise<void> => {
  const [path = '', tag] = name.split(':');
  const repository = `sample/${path}`;
  const blobs = [...image.layers, ...image.blobs.map(({ descriptor }) => descriptor)];
  await mapBounded(blobs, 4, ({ digest }) => upload(repository, digest));
  for (const manifest of image.manifests) {
    await putManifest(address(registry, repository), manifest.descriptor.digest, manifest);
  }
  const root = image.manifests.at(-1);
  if (tag && root) await putManifest(address(registry, repository), tag, root);
  for (const { descriptor } of image.absent) await deleteManifest(address(registry, repository), descriptor.digest);
};

const reference = (registry: string, name: string, root: Descriptor): string => {
  return `${registry}/sample/${name}${name.includes(':') ? '' : `@${root.digest}`}`;
};

const address = (registry: string, repository: string): string => {
  return `http://${registry}/v2/${repository}`;
};
