import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { type ImageDocuments, imageDocuments, indexDocument } from '../../cluster/images/oci-image.ts';
import { pushBlob, putManifest } from '../../cluster/images/registry.ts';

/** An image in a registry: an index, one manifest, a configuration and a layer of random bytes. */
export interface PushedImage extends Pick<ImageDocuments, 'manifest' | 'config'> {
  index: ReturnType<typeof indexDocument>;
  layer: { digest: string; size: number };
}

/** Pushes an image with a layer of `size` bytes as `path:1` to the open registry at `address`. */
export const pushImage = async (address: string, path: string, folder: string, size: number): Promise<PushedImage> => {
  const repository = `http://${address}/v2/${path}`;
  const file = join(folder, 'layer');
  const layer = { digest: await writeRandom(file, size), size };
  const platform = { os: 'linux', architecture: 'amd64' };
  const layers = [{ ...layer, diffID: layer.digest, compression: 'none' as const }];
  const { manifest, config } = imageDocuments({ layers, platform, command: ['true'], format: 'oci' });
  const index = indexDocument([{ ...manifest.descriptor, platform }]);
  const configFile = join(folder, 'config');
  await writeFile(configFile, config.content);
  await pushBlob(repository, layer.digest, file);
  await pushBlob(repository, config.descriptor.digest, configFile);
  await putManifest(repository, manifest.descriptor.digest, manifest);
  await putManifest(repository, '1', index);
  return { index, manifest, config, layer };
};

const writeRandom = async (file: string, size: number): Promise<string> => {
  const hash = createHash('sha256');
  const output = createWriteStream(file);
  for (let left = size; left > 0; left -= 1024 * 1024) {
    const part = randomBytes(Math.min(left, 1024 * 1024));
    hash.update(part);
    if (!output.write(part)) await new Promise((resolve) => output.once('drain', resolve));
  }
  await finished(output.end());
  return `sha256:${hash.digest('hex')}`;
};
