import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { imageDocuments } from '../../cluster/images/oci-image.ts';
import { pushBlob, putManifest } from '../../cluster/images/registry.ts';
import { packLayer } from '../../harness/small-layer.ts';

export const PLATFORM = { os: 'linux', architecture: 'amd64' };

/** Pushes an image with one small layer as `sample/honest:1` to the open registry at `address`. */
export const pushHonestImage = async (address: string, folder: string): Promise<void> => {
  const repository = `http://${address}/v2/sample/honest`;
  const { blob, data } = await packLayer(folder, 'hello');
  const { manifest, config } = imageDocuments({
    ...{ layers: [blob], platform: PLATFORM, command: ['true'], format: 'oci' },
  });
  const file = join(folder, 'blob');
  for (const [{ digest }, content] of [
    [blob, data],
    [config.descriptor, config.content],
  ] as const) {
    await writeFile(file, content);
    await pushBlob(repository, digest, file);
  }
  await putManifest(repository, '1', manifest);
};
