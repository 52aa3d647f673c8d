import type { Context } from '../../cli/context.ts';
import { type Cluster, connect } from '../../cluster/connection.ts';
import { cacheOf, type ImagesOnNodes, imagesOnNodes } from '../../cluster/node-images.ts';
import { chooseNode } from '../../cluster/nodes.ts';
import { nullIfForbidden } from '../../cluster/objects.ts';
import { PreloadError } from '../../model/errors.ts';
import { imageName, isExcluded } from '../../model/image-reference.ts';
import { formatBytes, plural } from '../../model/units.ts';
import { type FoundImage, findImages } from '../find-images.ts';
import { checkSources, usesCache } from '../source-flags.ts';
import type { ImagesOptions } from './command.ts';
import { formatImages, imageEntry } from './list.ts';

export const runImages = async (options: ImagesOptions, context: Context): Promise<void> => {
  const { env, print, progress, signal } = context;
  const sources = { ...options, IMAGE: [], strict: false };
  checkSources(sources);
  const cluster = await connect(options, env, progress.warn);
  const { images: found } = await findImages(cluster, sources, context);
  const onNodes = await nullIfForbidden(imagesOnNodes(cluster, signal));
  if (!onNodes) progress.warn('not allowed to list nodes, so sizes and nodes are unknown');
  const cached = usesCache(sources) ? await findInCache(cluster, options, { found, onNodes }, context) : [];
  const images = [...found, ...cached]
    .map((image) => imageEntry(image, onNodes))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const sizes = images.flatMap(({ size }) => size ?? []);
  const total = formatBytes(sizes.reduce((sum, size) => sum + size, 0));
  if (sizes.length > 0) progress.done(`Nodes report ${total} for ${sizes.length} of ${plural(images.length, 'image')}`);
  if (options.namespace) {
    progress.warn('images of all namespaces are shown; to choose some, use --namespace-selector instead of -n');
  }
  const { output } = options;
  if (images.length === 0 && output !== 'json' && output !== 'yaml') progress.note('No images found.');
  else print(formatImages(images, output));
};

/** What the node where `create` would capture reports as its cache, without the images that were found elsewhere. */
const findInCache = async (
  cluster: Cluster,
  { node: asked, platform, exclude }: ImagesOptions,
  { found, onNodes }: { found: readonly FoundImage[]; onNodes: ImagesOnNodes | null },
  { progress, signal }: Context,
): Promise<FoundImage[]> => {
  const names = found.map(({ name }) => imageName(name));
  const { node } = await chooseNode(cluster, names, { node: asked, platform, toleration: [] }, signal);
  if (!node || !onNodes) {
    throw new PreloadError(
      'create may use any node, so it is not known whose cache to look at',
      'specify one with --node',
    );
  }
  if (onNodes.full.includes(node)) progress.warn(`node ${node} may have more images than the 50 that kubelets report`);
  const cache = cacheOf(onNodes, node).filter((name) => !isExcluded(name, exclude));
  progress.done(`${plural(cache.length, 'image')} in the cache of node ${node}`);
  const known = new Set(names);
  const more = cache.filter((name) => !known.has(imageName(name)));
  return more.map((name) => ({ name, users: [], files: [], isNamed: false }));
};
