import { gzipSync } from 'node:zlib';
import type { Context } from '../cli/context.ts';
import type { Cluster } from '../cluster/connection.ts';
import { imagesInUse } from '../cluster/images-in-use.ts';
import { chooseNode } from '../cluster/nodes.ts';
import { volumeClaim } from '../manifests/claim.ts';
import { loaderConfigMap } from '../manifests/config-map.ts';
import type { KubernetesObject } from '../manifests/object.ts';
import { loaderPod } from '../manifests/pod.ts';
import type { PreloadSettings } from '../manifests/settings.ts';
import { volumeSnapshot } from '../manifests/snapshot.ts';
import { PreloadError } from '../model/errors.ts';
import { isExcluded } from '../model/image-reference.ts';
import type { CaptureRequest, RequestedImage } from '../model/request.ts';
import { estimateVolumeSize } from '../model/size-estimate.ts';
import { version } from '../version.ts';
import { gzippedBundle } from './bundle.ts';
import type { CreateOptions } from './create.ts';

export interface CreatePlan {
  settings: PreloadSettings;
  configMap: KubernetesObject;
  claim: KubernetesObject;
  pod: KubernetesObject;
  snapshot: KubernetesObject;
}

const DEADLINE_RESERVE = 600; // the loader waits this long to be removed before it ends by itself

/** Decides what to capture, where, and onto how large a volume. Only reads from the cluster. */
export const planCreate = async (cluster: Cluster, options: CreateOptions, context: Context): Promise<CreatePlan> => {
  const { progress, script, signal } = context;
  const images = await requestedImages(cluster, options, context);
  const names = images.map(({ name }) => name);
  const choice = await chooseNode(cluster, names, options, signal);
  if (choice.node) progress.done(`Node ${choice.node} has ${choice.has} of the ${images.length} images`);

  const settings: PreloadSettings = {
    name: options.NAME,
    namespace: cluster.namespace,
    version,
    size: options.size ?? estimateVolumeSize(images.length, [...choice.sizes.values()]),
    image: options.image,
    platform: choice.platform,
    deadline: Math.ceil(options.timeout / 1000) + DEADLINE_RESERVE,
    ...(options.storageClass && { storageClass: options.storageClass }),
    ...(options.snapshotClass && { snapshotClass: options.snapshotClass }),
    ...(options.node ? { node: options.node } : choice.node && { preferredNode: choice.node }),
  };
  const request: CaptureRequest = {
    images,
    cache: options.from?.includes('cache') ?? false,
    exclude: options.exclude,
    platform: choice.platform,
  };
  return {
    settings,
    configMap: loaderConfigMap(settings, await gzippedBundle(script), compact(request)),
    claim: volumeClaim(settings),
    pod: loaderPod(settings),
    snapshot: volumeSnapshot(settings),
  };
};

const requestedImages = async (
  cluster: Cluster,
  options: CreateOptions,
  { progress, signal }: Context,
): Promise<RequestedImage[]> => {
  if (options.IMAGE.length > 0) return options.IMAGE.map((name) => ({ name, required: true }));
  if (options.from && !options.from.includes('cluster')) return [];
  progress.start('Looking for images in use');
  const { images, namespaces } = await imagesInUse(cluster, signal);
  const wanted = images.filter(({ name }) => !isExcluded(name, options.exclude));
  if (wanted.length === 0 && !options.from) {
    throw new PreloadError(
      'no image is in use in the cluster',
      'name the images to capture, or add --from cluster,cache',
    );
  }
  progress.done(`${wanted.length} images in use in ${namespaces} namespaces`);
  return wanted.map(({ name, users: [usedBy] }) => ({ name, required: options.strict, ...(usedBy && { usedBy }) }));
};

const compact = (request: CaptureRequest): Buffer => gzipSync(JSON.stringify(request), { level: 9 });
