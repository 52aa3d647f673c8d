import type { Context } from '../cli/context.ts';
import type { Cluster } from '../cluster/connection.ts';
import { type ImageInUse, type ImagesInUse, imagesInUse, type UnusableImage } from '../cluster/images-in-use.ts';
import { PreloadError } from '../model/errors.ts';
import { imageName, isExcluded } from '../model/image-reference.ts';
import { plain } from '../model/parse.ts';
import { plural } from '../model/units.ts';
import { describeSkipped } from './capture-progress.ts';
import { addImages, type FileImages, MAX_PROBLEMS, noFileImages } from './image-files.ts';
import { fileName, readText } from './read-text.ts';
import { type SourceOptions, usesCache, usesCluster } from './source-flags.ts';
import { step } from './step.ts';

interface FindOptions extends SourceOptions {
  /** prefixes of names to leave out */
  exclude: readonly string[];
  /** fail if a workload has something that is not an image */
  strict: boolean;
}

/** An image to capture. */
export interface FoundImage extends ImageInUse {
  /** names of the files that have it */
  files: string[];
  /** the user named it, in a file or as an argument */
  isNamed: boolean;
}

export interface FoundImages extends Pick<ImagesInUse, 'unusable' | 'pullSecrets' | 'serviceAccounts'> {
  /** those that the user named first; without those in the cache of a node */
  images: FoundImage[];
}

/** Looks for images wherever `options` say, but for the cache of a node. Throws PreloadError if it finds none. */
export const findImages = async (cluster: Cluster, options: FindOptions, context: Context): Promise<FoundImages> => {
  const images = new Map<string, FoundImage>();
  for (const name of options.IMAGE) images.set(imageName(name), { name, users: [], files: [], isNamed: true });
  const inFiles = options.fromFile.length > 0 ? await findInFiles(options, context) : noFileImages();
  for (const [key, image] of inFiles.images) images.set(key, { users: [], ...image, isNamed: true });
  const isEnough = images.size > 0 || usesCache(options);
  const inCluster = usesCluster(options) ? await findInCluster(cluster, { ...options, isEnough }, context) : NOTHING;
  for (const image of inCluster.images) {
    const key = imageName(image.name);
    images.set(key, { files: [], isNamed: false, ...images.get(key), ...image });
  }
  return { ...inCluster, images: [...images.values()] };
};

const NOTHING = { images: [], unusable: [], pullSecrets: new Set<string>(), serviceAccounts: new Set<string>() };

const findInFiles = ({ fromFile, exclude }: FindOptions, context: Context): Promise<FileImages> =>
  step(context, {
    title: 'Reading files',
    do: async () => {
      const found = noFileImages();
      for (const path of fromFile) {
        const file = plain(fileName(path));
        const count = addImages(await readText(path, context), file, exclude, found);
        if (count === 0 && fromFile.length > 1) context.progress.warn(`${file} contains no images`);
      }
      if (found.problems.length > 0) throw unusableFiles(found.problems, context);
      if (found.images.size > 0) return found;
      throw new PreloadError(
        `${plain(fromFile.map(fileName).join(', '))} contains no images to capture`,
        'specify manifests with containers, or a list with one image per line',
      );
    },
    done: ({ images, windows }) =>
      `${plural(images.size, 'image')} in ${plain(fromFile.map(fileName).join(', '))}${forWindows(windows.difference(images).size)}`,
  });

const unusableFiles = (problems: readonly string[], { progress }: Context): PreloadError => {
  const [first = '', ...others] = problems;
  const remedy = 'correct the file, or leave out images with --exclude';
  if (others.length === 0) return new PreloadError(first, remedy);
  for (const problem of problems) progress.warn(problem);
  const count = problems.length === MAX_PROBLEMS ? `at least ${MAX_PROBLEMS}` : problems.length;
  return new PreloadError(`found ${count} problems in files`, remedy);
};

const findInCluster = (
  cluster: Cluster,
  options: FindOptions & { isEnough: boolean },
  context: Context,
): Promise<ImagesInUse> =>
  step(context, {
    title: 'Looking for images in use',
    do: async () => {
      const { exclude, strict, isEnough } = options;
      const found = await imagesInUse(cluster, context.signal, options);
      const images = found.images.filter(({ name }) => !isExcluded(name, exclude));
      const unusable = found.unusable.filter(({ name }) => !exclude.some((prefix) => name.startsWith(prefix)));
      for (const image of unusable) {
        if (strict) throw cannotCapture(image);
        context.progress.warn(describeSkipped(image));
      }
      if (images.length > 0 || isEnough) return { ...found, images, unusable };
      throw noneInUse(options);
    },
    done: ({ images, namespaces, windows }) =>
      `${plural(images.length, 'image')} in use in ${plural(namespaces, 'namespace')}${forWindows(windows)}`,
  });

const forWindows = (count: number): string => (count > 0 ? `, without ${plural(count, 'image')} for Windows` : '');

const cannotCapture = ({ name, usedBy, reason }: UnusableImage): PreloadError =>
  new PreloadError(
    `cannot capture ${name} (used by ${usedBy}): ${reason}`,
    'change the image of the workload, or leave it out with --exclude',
  );

const noneInUse = ({ selector, namespaceSelector, exclude }: FindOptions): PreloadError =>
  selector || namespaceSelector || exclude.length > 0
    ? new PreloadError('no images in use match', 'check --selector, --namespace-selector and --exclude')
    : new PreloadError(
        'no images are in use in the cluster',
        'specify the images to capture, or add --from cluster,cache',
      );
