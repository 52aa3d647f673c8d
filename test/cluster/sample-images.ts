import { join } from 'node:path';
import { pushSampleImages } from './images/push.ts';
import { openRegistry } from './registry.ts';
import { CACHE, type Cluster } from './state.ts';

/** Builds the sample images, pushes them to the open registry and prints their names. */
export async function pushImages(cluster: Cluster, log: (line: string) => void): Promise<void> {
  const registry = openRegistry(cluster);
  const references = await pushSampleImages({ registry, cache: join(CACHE, 'images'), log });
  console.log(references.join('\n'));
}
