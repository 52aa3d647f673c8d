import { gzipSync } from 'node:zlib';
import type { Context } from '../../cli/context.ts';
import type { Cluster } from '../../cluster/connection.ts';
import { imagesInUse, requestInUse, type UnusableImage } from '../../cluster/images-in-use.ts';
import { chooseNode } from '../../cluster/nodes.ts';
import { loaderConfigMap } from '../../manifests/loader.ts';
import { HOLD_SECONDS } from '../../manifests/loader-pod.ts';
import { PreloadError } from '../../model/errors.ts';
import type { RequestedImage } from '../../model/image.ts';
import { imageName, isExcluded } from '../../model/image-reference.ts';
import { formOf } from '../../model/layout.ts';
import { type CaptureRequest, printRequest } from '../../model/request.ts';
import type { PreloadSettings, SavedRun } from '../../model/saved-run.ts';
import { formatQuantity, parseQuantity, plural } from '../../model/units.ts';
import { estimateVolumeSize, fitsSmallest, SMALLEST } from '../../model/volume-size.ts';
import { version } from '../../version.ts';
import { gzippedBundle } from '../bundle.ts';
import { captureSettings } from '../capture-flags.ts';
import { describeSkipped } from '../capture-progress.ts';
import { podSettings } from '../pod-flags.ts';
import { step } from '../step.ts';
import { findBase, NO_BASE, readBase } from './base.ts';
import type { CreateOptions } from './command.ts';
import { type CreatePlan, plannedObjects } from './planned.ts';
import { planSecrets } from './pull-secrets.ts';

export interface Sources {
  images: RequestedImage[];
  unusable: UnusableImage[];
  /** `namespace/name` */
  pullSecrets: Set<string>;
  /** `namespace/name` */
  serviceAccounts: Set<string>;
}

const BUDGET = 0.7; // of the time limit, for images that can be skipped: what is there by then must still be sealed

/** Options for one preload. */
export type PlanOptions = CreateOptions & { NAME: string };

/** Decides on which node to capture these images, and to how large a volume. Only reads from the cluster. */
export const planCreate = async (
  cluster: Cluster,
  options: PlanOptions,
  found: Sources,
  context: Context,
): Promise<CreatePlan> => {
  const { progress, script, signal } = context;
  const { images } = found;
  const names = images.map(({ name }) => imageName(name));
  const choice = await chooseNode(cluster, names, options, signal);
  if (choice.node) progress.done(`Node ${choice.node} has ${choice.has} of ${plural(images.length, 'image')}`);
  if (choice.isAwaited) progress.warn(`no ${choice.platform} node is ready for the loader, so it waits for one`);
  if (choice.otherPlatforms.length > 0) {
    progress.warn(
      `only ${choice.platform} will be captured, but the cluster also has ${choice.otherPlatforms.join(', ')} nodes; choose one with --platform, or use --all-platforms`,
    );
  }
  const baseName = await findBase(cluster, options, choice.platform, context);
  const base = baseName ? await readBase(cluster, baseName, options, signal) : NO_BASE;
  const cache = options.from?.includes('cache') ?? false;
  const wanted = { ...found, name: options.NAME, cache, isNamed: options.IMAGE.length > 0 };
  const { secrets, logins } = await planSecrets(cluster, wanted, signal);

  const sizes = [...choice.sizes.values()];
  const form = formOf(options);
  const estimate = estimateVolumeSize(sizes, form, base.size);
  const isKnown = images.length > 0 && sizes.length === images.length && !cache && !baseName;
  const isSmall = isKnown && fitsSmallest(sizes, form);
  const settings: PreloadSettings = {
    name: options.NAME,
    namespace: cluster.namespace,
    version,
    size: options.size ?? (isSmall ? formatQuantity(SMALLEST) : estimate),
    pod: podSettings(options),
    platform: choice.platform,
    deadline: loaderDeadline(options.timeout),
    pullSecrets: secrets.map(({ metadata }) => metadata.name),
    ...(options.storageClass && { storageClass: options.storageClass }),
    ...(options.snapshotClass && { snapshotClass: options.snapshotClass }),
    ...(baseName && { base: baseName }),
    ...(options.label && { labels: options.label }),
    ...(options.annotation && { annotations: options.annotation }),
    ...(options.node ? { node: options.node } : choice.node && { preferredNode: choice.node }),
  };
  const request: CaptureRequest = {
    images,
    cache,
    ...(cache && { cacheNamespace: cluster.namespace }),
    platform: choice.platform,
    budget: Math.floor(options.timeout * BUDGET),
    ...(!options.size && {
      estimate: parseQuantity(estimate) ?? 0,
      ...(base.contents && { base: base.contents }),
    }),
    ...captureSettings(options),
  };
  const run: SavedRun = {
    settings,
    base: { size: base.size, used: base.used },
    volume: options.size ? 'chosen' : isSmall ? 'smallest' : 'planned',
    logins,
    skipped: found.unusable.map(({ name, reason }) => ({ name, reason })),
    keep: options.keep,
    retain: options.retain,
    ...(options.generateName &&
      options.keepLast && { keepLast: { prefix: options.generateName, count: options.keepLast } }),
  };
  const configMap = loaderConfigMap(settings, {
    bundle: await gzippedBundle(script),
    request: gzipSync(printRequest(request)),
    run: gzipSync(JSON.stringify(run)),
  });
  return plannedObjects(run, configMap, secrets);
};

/** Seconds until the loader is stopped, for a command with this time limit in milliseconds. */
export const loaderDeadline = (timeout: number): number => Math.ceil(timeout / 1000) + HOLD_SECONDS;

export const findImages = async (cluster: Cluster, options: CreateOptions, context: Context): Promise<Sources> => {
  const none = { unusable: [], pullSecrets: new Set<string>(), serviceAccounts: new Set<string>() };
  if (options.IMAGE.length > 0) {
    const namespaces = [cluster.namespace];
    const pullSecrets = new Set(options.imagePullSecret.map((name) => `${cluster.namespace}/${name}`));
    return { ...none, pullSecrets, images: options.IMAGE.map((name) => ({ name, required: true, namespaces })) };
  }
  if (options.from && !options.from.includes('cluster')) return { ...none, images: [] };
  const inUse = await step(context, {
    title: 'Looking for images in use',
    do: async () => {
      const found = await imagesInUse(cluster, context.signal);
      const images = found.images.filter(({ name }) => !isExcluded(name, options.exclude));
      const unusable = found.unusable.filter(({ name }) => !options.exclude.some((prefix) => name.startsWith(prefix)));
      for (const image of unusable) {
        if (options.strict) throw cannotCapture(image);
        context.progress.warn(describeSkipped(image));
      }
      if (images.length > 0 || options.from) return { ...found, images, unusable };
      throw new PreloadError(
        'no images are in use in the cluster',
        'specify the images to capture, or add --from cluster,cache',
      );
    },
    done: ({ images, namespaces, windows }) =>
      `${plural(images.length, 'image')} in use in ${plural(namespaces, 'namespace')}` +
      (windows > 0 ? `, without ${plural(windows, 'image')} for Windows` : ''),
  });
  return { ...inUse, images: inUse.images.map((image) => requestInUse(image, { required: options.strict })) };
};

const cannotCapture = ({ name, usedBy, reason }: UnusableImage): PreloadError =>
  new PreloadError(
    `cannot capture ${name} (used by ${usedBy}): ${reason}`,
    'change the image of the workload, or leave it out with --exclude',
  );
