import { neededOn, type UsedImage } from './coverage.ts';
import type { RecordedImage } from './record.ts';

/** One of the two things that are compared. */
export interface DiffSide {
  images: readonly DiffImage[];
  /** chain IDs; undefined if they are not known */
  layers?: readonly string[];
}

interface DiffImage {
  /** fully qualified */
  names: readonly string[];
  /** undefined if no pod runs it */
  digest?: string;
  /** compressed bytes, if known */
  size?: number;
  /** every capture has one: the node's pause image */
  sandbox?: boolean;
}

/** An image that differs. */
export interface ImageChange {
  /** fully qualified */
  name: string;
  change: 'added' | 'changed' | 'removed';
  oldDigest?: string;
  newDigest?: string;
  /** compressed bytes, if known */
  oldSize?: number;
  newSize?: number;
}

export interface PreloadDiff {
  /** by name */
  images: ImageChange[];
  /** how many; undefined if one of the two does not say which layers it has */
  layers?: { added: number; removed: number; kept: number };
}

/** What changed from `before` to `after`. */
export const diffOf = (before: DiffSide, after: DiffSide): PreloadDiff => {
  const [old, current] = [byName(before.images), byName(after.images)];
  const arrived = after.images.flatMap((image) =>
    image.sandbox && before.images.every(({ sandbox }) => !sandbox) ? [] : arrivals(image, old),
  );
  const removed = before.images
    .filter(({ names, sandbox }) => !sandbox && !names.some((name) => current.has(name)))
    .map(({ names, digest, size }): ImageChange => {
      const details = { ...(digest && { oldDigest: digest }), ...(size !== undefined && { oldSize: size }) };
      return { name: mainNames(names)[0] ?? '', change: 'removed', ...details };
    });
  const images = [...arrived, ...removed].sort((a, b) => (a.name < b.name ? -1 : 1));
  const layers = before.layers && after.layers && layerDiff(before.layers, after.layers);
  return { images, ...(layers && { layers }) };
};

export const hasChanges = ({ images, layers }: PreloadDiff): boolean =>
  images.length > 0 || (layers !== undefined && layers.added + layers.removed > 0);

/** The images of a cluster as a capture with these settings would find them: one version of each name. */
export const capturable = (
  used: readonly UsedImage[],
  { platform, images, exclude }: { platform: string; images: readonly RecordedImage[]; exclude?: readonly string[] },
): DiffImage[] => {
  const known = new Set(images.map(({ digest }) => digest));
  const found = new Map<string, { digest?: string; pods: number }>();
  for (const { name, digest, pods } of neededOn(platform, used, exclude)) {
    const other = found.get(name);
    const isBetter = !other || (digest !== undefined && known.has(digest)) || pods > other.pods;
    const isSettled = other?.digest !== undefined && known.has(other.digest);
    if (isBetter && !isSettled) found.set(name, { ...(digest && { digest }), pods });
  }
  return [...found].map(([name, { digest }]) => ({ names: [name], ...(digest && { digest }) }));
};

const arrivals = ({ names, digest, size }: DiffImage, old: ReadonlyMap<string, DiffImage>): ImageChange[] =>
  mainNames(names).flatMap((name): ImageChange[] => {
    const was = old.get(name);
    if (was && (!digest || was.digest === digest)) return [];
    return [
      {
        ...{ name, change: was ? ('changed' as const) : ('added' as const) },
        ...(was?.digest && { oldDigest: was.digest }),
        ...(digest && { newDigest: digest }),
        ...(was?.size !== undefined && { oldSize: was.size }),
        ...(size !== undefined && { newSize: size }),
      },
    ];
  });

/** Tags, unless there are only digests: with each tag comes the name with its digest. */
const mainNames = (names: readonly string[]): readonly string[] => {
  const tags = names.filter((name) => !name.includes('@'));
  return tags.length > 0 ? tags : names;
};

const byName = (images: readonly DiffImage[]): Map<string, DiffImage> =>
  new Map(images.flatMap((image) => image.names.map((name) => [name, image] as const)));

const layerDiff = (before: readonly string[], after: readonly string[]): Required<PreloadDiff>['layers'] => {
  const [old, current] = [new Set(before), new Set(after)];
  const kept = current.intersection(old).size;
  return { added: current.size - kept, removed: old.size - kept, kept };
};
