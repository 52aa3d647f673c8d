import { type PodSpec, WORKLOAD, type Workload } from '../model/cluster-objects.ts';
import { ApiError } from '../model/errors.ts';
import type { RequestedImage } from '../model/image.ts';
import { type ImageReference, imageName, parseImage, referenceProblem } from '../model/image-reference.ts';
import { plain } from '../model/parse.ts';
import type { Cluster } from './connection.ts';
import { type Kind, list, pluralOf } from './objects.ts';

/** A workload that uses an image. */
interface ImageUser {
  /** in lower case, such as `cronjob` */
  kind: string;
  namespace: string;
  name: string;
}

/** An image and the workloads that use it. */
interface ImageInUse {
  name: ImageReference;
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
    namespaces: [...new Set(users.map(({ namespace }) => namespace))],
    ...(user && { usedBy: printUser(user) }),
  };
};

const printUser = ({ kind, namespace, name }: ImageUser): string => `${kind}/${namespace}/${name}`;

/** What a workload has in place of an image that could be captured. */
export interface UnusableImage {
  /** as the workload has it, but shortened and without control characters */
  name: string;
  reason: string;
  /** one of the workloads that use it, such as `cronjob/legacy/report` */
  usedBy: string;
}

const MAX_SHOWN = 256;

interface ImagesInUse {
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

// owners first, so that an image is reported as used by a deployment and not by one of its pods
const WORKLOADS: Kind[] = ['Deployment', 'StatefulSet', 'DaemonSet', 'CronJob', 'Job', 'Pod'];

/** Returns every image that a Linux pod in the cluster uses, or would use once its workload starts. */
export const imagesInUse = async (cluster: Cluster, signal: AbortSignal): Promise<ImagesInUse> => {
  const found = new Map<string, ImageInUse>();
  const unusable = new Map<string, UnusableImage>();
  const namespaces = new Set<string>();
  const pullSecrets = new Set<string>();
  const serviceAccounts = new Set<string>();
  const onWindows = new Set<string>();
  for (const kind of WORKLOADS) {
    for await (const workload of listAllowed(cluster, kind, signal)) {
      const { name, namespace, ownerReferences } = workload.metadata;
      const owned = ownerReferences.some((owner) => owner.controller);
      const pod = podSpecOf(workload);
      const { images, others } = imagesOf(pod);
      if (isForWindows(pod)) {
        for (const key of images.keys()) onWindows.add(key);
        continue;
      }
      for (const secret of pod.imagePullSecrets) if (secret.name) pullSecrets.add(`${namespace}/${secret.name}`);
      serviceAccounts.add(`${namespace}/${pod.serviceAccountName ?? 'default'}`);
      const user = { kind: kind.toLowerCase(), namespace, name };
      for (const text of others) {
        const shown = plain(text).slice(0, MAX_SHOWN);
        const problem = { name: shown, reason: referenceProblem(text), usedBy: printUser(user) };
        if (!unusable.has(shown)) unusable.set(shown, problem);
      }
      for (const [key, image] of images) {
        namespaces.add(namespace);
        const users: ImageUser[] = found.get(key)?.users ?? [];
        const isNewNamespace = users.every((user) => user.namespace !== namespace);
        // an owned pod counts if its owner could not be listed
        if (!owned || isNewNamespace) users.push(user);
        found.set(key, { name: image, users });
      }
    }
  }
  const images = [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, image]) => image);
  return {
    images,
    unusable: [...unusable.values()],
    namespaces: namespaces.size,
    windows: onWindows.difference(found).size,
    pullSecrets,
    serviceAccounts,
  };
};

const listAllowed = async function* (cluster: Cluster, kind: Kind, signal: AbortSignal): AsyncGenerator<Workload> {
  try {
    yield* list(cluster, kind, WORKLOAD, { signal });
  } catch (error) {
    if (kind === 'Pod' || !(error instanceof ApiError && error.reason === 'Forbidden')) throw error;
    cluster.warn(`cannot list ${pluralOf(kind)}, so images used only there are not captured: ${error.message}`);
  }
};

const podSpecOf = ({ spec }: Workload): PodSpec => spec.jobTemplate?.spec.template?.spec ?? spec.template?.spec ?? spec;

const OS_LABELS = ['kubernetes.io/os', 'beta.kubernetes.io/os'];

/** Mixed clusters keep such pods from Linux nodes by a label of the nodes, because `os` has no influence on where a pod runs. */
const isForWindows = ({ os, nodeSelector }: PodSpec): boolean =>
  [os?.name, ...OS_LABELS.map((label) => nodeSelector[label])].includes('windows');

/** The images of a pod by name, and the texts that it has instead of an image. */
const imagesOf = (pod: PodSpec): { images: Map<string, ImageReference>; others: string[] } => {
  const containers = [...pod.initContainers, ...pod.containers, ...pod.ephemeralContainers];
  const written = [...containers.map((c) => c.image), ...pod.volumes.map((v) => v.image?.reference)];
  const images = new Map<string, ImageReference>();
  const others: string[] = [];
  for (const text of written) {
    if (!text) continue; // a webhook adds the image later
    const image = parseImage(text);
    if (image) images.set(imageName(image), image);
    else others.push(text);
  }
  return { images, others };
};
