import { plural } from './units.ts';

interface Image {
  names: readonly string[];
  digest: string;
}

/** How many images differ between a preload and the one that it started from. */
export interface ImageChanges {
  added: number;
  /** a tag leads to another image */
  updated: number;
  removed: number;
}

export const imageChanges = (before: readonly Image[], after: readonly Image[]): ImageChanges => {
  const [old, fresh] = [without(before, after), without(after, before)];
  const [oldTags, freshTags] = [tagsOf(old), tagsOf(fresh)];
  const updated = fresh.filter(({ names }) => names.some((name) => oldTags.has(name))).length;
  const replaced = old.filter(({ names }) => names.some((name) => freshTags.has(name))).length;
  return { added: fresh.length - updated, updated, removed: old.length - replaced };
};

/** The images that are not among `others`. */
const without = (images: readonly Image[], others: readonly Image[]): Image[] => {
  const digests = new Set(others.map(({ digest }) => digest));
  return images.filter(({ digest }) => !digests.has(digest));
};

const tagsOf = (images: readonly Image[]): Set<string> =>
  new Set(images.flatMap(({ names }) => names.filter((name) => !name.includes('@'))));

/** `3 images added, 1 updated and 2 removed`; `no image changed` */
export const describeChanges = ({ added, updated, removed }: ImageChanges): string => {
  const counts = (
    [
      [added, 'added'],
      [updated, 'updated'],
      [removed, 'removed'],
    ] as const
  ).filter(([count]) => count > 0);
  if (counts.length === 0) return 'no image changed';
  return counts
    .map(([count, what], index) => `${index === 0 ? plural(count, 'image') : count} ${what}`)
    .join(', ')
    .replace(/, ([^,]*)$/, ' and $1');
};
