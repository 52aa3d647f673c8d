import { type ImageReference, imageName, isExcluded } from './image-reference.ts';
import type { RecordedImage } from './record.ts';

/** What uses an image. */
export interface ImageUser {
  /** in lower case, such as `cronjob`; with the group if it is a custom one */
  kind: string;
  /** empty if it is outside of all namespaces */
  namespace: string;
  name: string;
}

/** An image that pods run, or would run once their workloads start. */
export interface UsedImage {
  name: ImageReference;
  users: ImageUser[];
  /** what pods run under this name */
  running: RunningImage[];
  /** platforms of pods that do not run it yet, and of workloads that choose one */
  awaitedOn: Set<string>;
  /** a workload without pods uses it, and does not choose a platform */
  isAwaited: boolean;
}

export interface RunningImage {
  digest: string;
  /** `linux/amd64`; undefined if it is not known */
  platform: string | undefined;
  pods: number;
}

/** An image that pods need on one platform. */
export interface NeededImage {
  /** fully qualified */
  name: string;
  /** undefined if no pod runs it */
  digest?: string;
  users: ImageUser[];
  /** how many pods run it */
  pods: number;
}

export interface OutdatedImage extends NeededImage {
  /** what the preload has under the same name */
  preloaded: string;
}

/** How much of what a cluster needs a preload has. */
export interface Coverage {
  /** images in use on the platform of the preload, without those that it leaves out on purpose */
  inUse: number;
  /** how many of them it has */
  present: number;
}

/** In which images a preload and the cluster differ, each list by name. */
export interface Drift {
  missing: NeededImage[];
  outdated: OutdatedImage[];
  unused: RecordedImage[];
}

/** The contents of a preload that count. */
export interface Preloaded {
  platform: string;
  images: readonly RecordedImage[];
  /** prefixes of names that it leaves out on purpose */
  exclude?: readonly string[];
}

/** Returns a function that compares preloads with the images in use; `used` once read serves many preloads. */
export const compareWith = (used: readonly UsedImage[]): ((preload: Preloaded) => Coverage & Drift) => {
  const known = new Map<string, NeededImage[]>();
  return ({ platform, images, exclude = [] }) => {
    const key = JSON.stringify([platform, exclude]);
    const needed = known.get(key) ?? neededOn(platform, used, exclude);
    known.set(key, needed);
    return compare(images, needed);
  };
};

/** What nodes of `platform` need. An image that pods run there counts by its digest, any other one by its name. */
export const neededOn = (
  platform: string,
  used: readonly UsedImage[],
  exclude: readonly string[] = [],
): NeededImage[] => {
  const [os, architecture] = platform.split('/');
  const nodes = `${os}/${architecture}`;
  return used.flatMap(({ name, users, running, awaitedOn, isAwaited }): NeededImage[] => {
    if (isExcluded(name, exclude)) return [];
    const image = { name: imageName(name), users };
    const here = running.filter((one) => !one.platform || one.platform === nodes);
    if (here.length > 0) return here.map(({ digest, pods }) => ({ ...image, digest, pods }));
    const isNeeded = awaitedOn.has(nodes) || (isAwaited && running.length === 0);
    return isNeeded ? [{ ...image, ...(name.digest && { digest: name.digest }), pods: 0 }] : [];
  });
};

const compare = (images: readonly RecordedImage[], needed: readonly NeededImage[]): Coverage & Drift => {
  const digests = new Set(images.map(({ digest }) => digest));
  const byName = new Map(images.flatMap(({ names, digest }) => names.map((name) => [name, digest] as const)));
  const present = new Set<string>();
  const missing = new Map<string, NeededImage>();
  const outdated = new Map<string, OutdatedImage>();
  for (const image of needed) {
    const preloaded = byName.get(image.name);
    const digest = image.digest ?? preloaded;
    const key = digest ?? image.name;
    if (digest && digests.has(digest)) present.add(digest);
    else if (preloaded) outdated.set(key, { ...image, preloaded });
    else missing.set(key, image);
  }
  for (const key of outdated.keys()) missing.delete(key); // the same image under another name
  const replaced = new Set([...outdated.values()].map(({ preloaded }) => preloaded));
  const unused = images.filter(({ digest, sandbox }) => !sandbox && !present.has(digest) && !replaced.has(digest));
  return {
    inUse: present.size + missing.size + outdated.size,
    present: present.size,
    missing: byNames([...missing.values()]),
    outdated: byNames([...outdated.values()]),
    unused,
  };
};

const byNames = <T extends { name: string }>(images: readonly T[]): T[] =>
  images.toSorted((a, b) => (a.name < b.name ? -1 : 1));
