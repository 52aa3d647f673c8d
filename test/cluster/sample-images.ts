import { join } from 'node:path';
import { pushSampleImages } from './images/push.ts';
import { ensurePackages } from './machine/apt.ts';
import { openRegistry } from './registry.ts';
import { CACHE, type Cluster } from './state.ts';

/** What building images takes. */
export const IMAGE_PACKAGES = ['attr', 'busybox-static', 'catatonit', 'libcap2-bin', 'mmdebstrap', 'pigz', 'zstd'];

/** Builds the sample images, pushes them to the open registry and prints their names. */
export const pushImages = async (cluster: Cluster, log: (line: string) => void): Promise<void> => {
  await ensurePackages(IMAGE_PACKAGES, log);
  const registry = openRegistry(cluster);
  const references = await pushSampleImages({ registry, cache: join(CACHE, 'images'), log });
  console.log(references.join('\n'));
};
