import type { ImageUser } from '../model/coverage.ts';
import type { RequestedImage } from '../model/image.ts';
import { type ImageReference, referenceProblem } from '../model/image-reference.ts';
import { plain } from '../model/parse.ts';
import { imagesOf, isForWindows } from '../model/pod-images.ts';
import type { Cluster } from './connection.ts';
import { podUsers, type Selection } from './pod-users.ts';

/** An image and what uses it. */
export interface ImageInUse {
  name: ImageReference;
  /** pods only if their owner could not be listed, or is in another namespace */
  users: ImageUser[];
}

export const requestInUse = (
  { name, users }: ImageInUse,
  { required }: Pick<RequestedImage, 'required'>,
): RequestedImage => {
  const [user] = users;
  return {
    name,
    required,
    namespaces: [...new Set(users.map(({ namespace }) => namespace).filter(Boolean))],
    ...(user && { usedBy: printUser(user) }),
  };
};

/** `cronjob/legacy/report` */
export const printUser = ({ kind, namespace, name }: ImageUser): string =>
  [kind, namespace, name].filter(Boolean).join('/');

/** What a workload has in place of an image that could be captured. */
export interface UnusableImage {
  /** as the workload has it, but shortened and without control characters */
  name: string;
  reason: string;
  /** one of the workloads that use it, such as `cronjob/legacy/report` */
  usedBy: string;
}

const MAX_SHOWN = 256;

export interface ImagesInUse {
  /** by name */
  images: ImageInUse[];
  unusable: UnusableImage[];
  namespaces: number;
  /** how many more images only pods on Windows use */
  windows: number;
  /** `namespace/name` of the pull secrets in pod specs */
  pullSecrets: Set<string>;
  /** `namespace/name` of the service accounts of pods, which may have pull secrets too */
  serviceAccounts: Set<string>;
}

interface Found extends ImageInUse {
  namespaces: Set<string>;
}

/** Returns every image that a Linux pod in the cluster uses, or would use once its workload starts. */
export const imagesInUse = async (
  cluster: Cluster,
  signal: AbortSignal,
  selection: Selection = {},
): Promise<ImagesInUse> => {
  const found = new Map<string, Found>();
  const unusable = new Map<string, UnusableImage>();
  const namespaces = new Set<string>();
  const pullSecrets = new Set<string>();
  const serviceAccounts = new Set<string>();
  const onWindows = new Set<string>();
  for await (const { user, isOwned, pod } of podUsers(cluster, selection, signal)) {
    const { namespace } = user;
    const { images, others } = imagesOf(pod);
    if (isForWindows(pod)) {
      for (const key of images.keys()) onWindows.add(key);
      continue;
    }
    if (namespace && images.size > 0) {
      namespaces.add(namespace);
      for (const secret of pod.imagePullSecrets) if (secret.name) pullSecrets.add(`${namespace}/${secret.name}`);
      serviceAccounts.add(`${namespace}/${pod.serviceAccountName ?? 'default'}`);
    }
    for (const text of others) {
      const shown = plain(text).slice(0, MAX_SHOWN);
      const problem = { name: shown, reason: referenceProblem(text), usedBy: printUser(user) };
      if (!unusable.has(shown)) unusable.set(shown, problem);
    }
    for (const [key, name] of images) {
      const image = found.get(key) ?? { name, users: [], namespaces: new Set() };
      // an owned pod counts if its owner could not be listed
      if (!isOwned || !image.namespaces.has(namespace)) image.users.push(user);
      image.namespaces.add(namespace);
      found.set(key, image);
    }
  }
  const images = [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, { name, users }]) => ({ name, users }));
  return {
    images,
    unusable: [...unusable.values()],
    namespaces: namespaces.size,
    windows: onWindows.difference(found).size,
    pullSecrets,
    serviceAccounts,
  };
};
