import { gzipSync } from 'node:zlib';
import type { Context } from '../../cli/context.ts';
import type { Cluster } from '../../cluster/connection.ts';
import { imagesInUse, requestInUse } from '../../cluster/images-in-use.ts';
import { chooseNode } from '../../cluster/nodes.ts';
import { pullSecretsOf } from '../../cluster/pull-secrets.ts';
import { readySnapshot, restoreSize } from '../../cluster/snapshots.ts';
import { loaderConfigMap, loaderSecret, type PreloadSettings, volumeClaim } from '../../manifests/loader.ts';
import { HOLD_SECONDS, loaderPod } from '../../manifests/loader-pod.ts';
import type { KubernetesObject } from '../../manifests/object.ts';
import { volumeSnapshot } from '../../manifests/snapshot.ts';
import { PreloadError } from '../../model/errors.ts';
import type { RequestedImage } from '../../model/image.ts';
import { imageName, isExcluded } from '../../model/image-reference.ts';
import { formOf } from '../../model/layout.ts';
import { estimateVolumeSize } from '../../model/plan.ts';
import { type CaptureRequest, printRequest } from '../../model/request.ts';
import { parseQuantity, plural } from '../../model/units.ts';
import { version } from '../../version.ts';
import { gzippedBundle } from '../bundle.ts';
import { captureSettings } from '../capture-flags.ts';
import { step } from '../step.ts';
import type { CreateOptions } from './command.ts';

export interface CreatePlan {
  settings: PreloadSettings;
  configMap: KubernetesObject;
  /** pull secrets, if there are any */
  secret?: KubernetesObject;
  claim: KubernetesObject;
  pod: KubernetesObject;
  snapshot: KubernetesObject;
  /** the same plan with a volume of another size; undefined if the user chose the size */
  resized?: (size: string) => CreatePlan;
}

interface Sources {
  images: RequestedImage[];
  /** `namespace/name` */
  pullSecrets: Set<string>;
  /** `namespace/name` */
  serviceAccounts: Set<string>;
}

const BUDGET = 0.7; // of the time limit, for images that can be skipped: what is there by then must still be sealed

/** Decides what to capture, on which node, and to how large a volume. Only reads from the cluster. */
export const planCreate = async (cluster: Cluster, options: CreateOptions, context: Context): Promise<CreatePlan> => {
  const { progress, script, signal } = context;
  const { images, pullSecrets, serviceAccounts } = await findImages(cluster, options, context);
  const names = images.map(({ name }) => imageName(name));
  const choice = await chooseNode(cluster, names, options, signal);
  if (choice.node) progress.done(`Node ${choice.node} has ${choice.has} of ${plural(images.length, 'image')}`);
  if (choice.otherPlatforms.length > 0) {
    progress.warn(
      `only ${choice.platform} will be captured, but the cluster also has ${choice.otherPlatforms.join(', ')} nodes; use --platform to choose`,
    );
  }
  const minimumBytes = options.base
    ? restoreSize(await readySnapshot(cluster, options.base, 'use --base with a snapshot that is ready', signal))
    : 0;
  const secrets = await pullSecretsOf(cluster, pullSecrets, serviceAccounts, signal);

  const settings: PreloadSettings = {
    name: options.NAME,
    namespace: cluster.namespace,
    version,
    size: options.size ?? estimateVolumeSize([...choice.sizes.values()], formOf(options), minimumBytes),
    image: options.image,
    platform: choice.platform,
    deadline: Math.ceil(options.timeout / 1000) + HOLD_SECONDS,
    pullSecrets: secrets.size > 0,
    ...(options.storageClass && { storageClass: options.storageClass }),
    ...(options.snapshotClass && { snapshotClass: options.snapshotClass }),
    ...(options.base && { base: options.base }),
    ...(options.node ? { node: options.node } : choice.node && { preferredNode: choice.node }),
  };
  const request: CaptureRequest = {
    images,
    cache: options.from?.includes('cache') ?? false,
    platform: choice.platform,
    budget: Math.floor(options.timeout * BUDGET),
    ...(!options.size && { estimate: parseQuantity(settings.size) ?? 0 }),
    ...captureSettings(options),
  };
  const configMap = loaderConfigMap(settings, await gzippedBundle(script), gzipSync(printRequest(request)));
  const withSize = (size: string): CreatePlan => {
    const sized = { ...settings, size };
    return {
      settings: sized,
      configMap,
      ...(secrets.size > 0 && { secret: loaderSecret(sized, secrets) }),
      claim: volumeClaim(sized),
      pod: loaderPod(sized, configMap),
      snapshot: volumeSnapshot(sized),
    };
  };
  return { ...withSize(settings.size), ...(!options.size && { resized: withSize }) };
};

const findImages = async (cluster: Cluster, options: CreateOptions, context: Context): Promise<Sources> => {
  const { namespace } = cluster;
  const serviceAccounts = new Set([`${namespace}/default`]);
  if (options.IMAGE.length > 0) {
    const images = options.IMAGE.map((name) => ({ name, required: true, namespaces: [namespace] }));
    return { images, pullSecrets: new Set(), serviceAccounts };
  }
  if (options.from && !options.from.includes('cluster')) return { images: [], pullSecrets: new Set(), serviceAccounts };
  const inUse = await step(context, {
    title: 'Looking for images in use',
    do: async () => {
      const found = await imagesInUse(cluster, context.signal);
      const images = found.images.filter(({ name }) => !isExcluded(name, options.exclude));
      if (images.length > 0 || options.from) return { ...found, images };
      throw new PreloadError(
        'no images are in use in the cluster',
        'specify the images to capture, or add --from cluster,cache',
      );
    },
    done: ({ images, namespaces }) => `${plural(images.length, 'image')} in use in ${plural(namespaces, 'namespace')}`,
  });
  return { ...inUse, images: inUse.images.map((image) => requestInUse(image, { required: options.strict })) };
};
