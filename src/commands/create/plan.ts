import { gzipSync } from 'node:zlib';
import type { Context } from '../../cli/context.ts';
import type { Cluster } from '../../cluster/connection.ts';
import { requestInUse } from '../../cluster/images-in-use.ts';
import { chooseNode } from '../../cluster/nodes.ts';
import { loaderConfigMap } from '../../manifests/loader.ts';
import { HOLD_SECONDS } from '../../manifests/loader-pod.ts';
import type { RequestedImage } from '../../model/image.ts';
import { imageName } from '../../model/image-reference.ts';
import { formOf } from '../../model/layout.ts';
import { type CaptureRequest, printRequest } from '../../model/request.ts';
import type { PreloadSettings, SavedRun } from '../../model/saved-run.ts';
import { formatQuantity, parseQuantity, plural } from '../../model/units.ts';
import { estimateVolumeSize, fitsSmallest, SMALLEST } from '../../model/volume-size.ts';
import { version } from '../../version.ts';
import { gzippedBundle } from '../bundle.ts';
import { captureSettings } from '../capture-flags.ts';
import type { FoundImage, FoundImages } from '../find-images.ts';
import { podSettings } from '../pod-flags.ts';
import { isNamed, usesCache } from '../source-flags.ts';
import { findBase, NO_BASE, readBase } from './base.ts';
import type { CreateOptions } from './command.ts';
import { type CreatePlan, plannedObjects } from './planned.ts';
import { planSecrets } from './pull-secrets.ts';

const BUDGET = 0.7; // of the time limit, for images that can be skipped: what is there by then must still be sealed

/** Options for one preload. */
export type PlanOptions = CreateOptions & { NAME: string };

/** Decides on which node to capture these images, and to how large a volume. Only reads from the cluster. */
export const planCreate = async (
  cluster: Cluster,
  options: PlanOptions,
  found: FoundImages,
  context: Context,
): Promise<CreatePlan> => {
  const { progress, script, signal } = context;
  const images = found.images.map((image) => requestOf(image, options.strict, cluster.namespace));
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
  const cache = usesCache(options);
  const own = isNamed(options) ? options.imagePullSecret.map((secret) => `${cluster.namespace}/${secret}`) : [];
  const pullSecrets = new Set([...found.pullSecrets, ...own]);
  const wanted = { ...found, images, pullSecrets, name: options.NAME, cache, isNamed: isNamed(options) };
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
    exclude: options.exclude,
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

/** Images that the user named must be captured, and pull secrets of the preload's namespace may be tried for them. */
const requestOf = ({ isNamed, ...image }: FoundImage, strict: boolean, namespace: string): RequestedImage => {
  const request = requestInUse(image, { required: strict || isNamed });
  const [file] = image.files;
  return {
    ...(file !== undefined && { usedBy: file }),
    ...request,
    namespaces: isNamed ? [...new Set([...request.namespaces, namespace])] : request.namespaces,
  };
};
