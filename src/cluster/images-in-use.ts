import { ApiError } from '../model/errors.ts';
import { imageName, parseImage } from '../model/image-reference.ts';
import type { Cluster } from './connection.ts';
import { type Kind, list, pluralOf } from './objects.ts';

/** An image and everything that names it. */
export interface ImageInUse {
  /** fully qualified name */
  name: string;
  /** `deployment/shop/api`: kind, namespace, name */
  users: string[];
}

export interface ImagesInUse {
  images: ImageInUse[];
  namespaces: number;
}

interface PodSpec {
  containers?: { image?: string }[];
  initContainers?: { image?: string }[];
  ephemeralContainers?: { image?: string }[];
  volumes?: { image?: { reference?: string } }[];
}

interface Workload {
  metadata: { name: string; namespace: string; ownerReferences?: { controller?: boolean }[] };
  spec?: PodSpec & { template?: { spec?: PodSpec }; jobTemplate?: { spec?: { template?: { spec?: PodSpec } } } };
}

// Owners before what they own, so that an image is said to be used by the deployment and not by one of its pods.
const WORKLOADS: Kind[] = ['Deployment', 'StatefulSet', 'DaemonSet', 'CronJob', 'Job', 'Pod'];

/** Every image a pod of the cluster runs, or would run once its workload starts. */
export const imagesInUse = async (cluster: Cluster, signal: AbortSignal): Promise<ImagesInUse> => {
  const users = new Map<string, string[]>();
  const namespaces = new Set<string>();
  for (const kind of WORKLOADS) {
    for await (const workload of listAllowed(cluster, kind, signal)) {
      const { name, namespace, ownerReferences = [] } = workload.metadata;
      const owned = ownerReferences.some((owner) => owner.controller);
      for (const image of imagesOf(workload)) {
        namespaces.add(namespace);
        const known = users.get(image) ?? [];
        if (!owned || known.length === 0) known.push(`${kind.toLowerCase()}/${namespace}/${name}`);
        users.set(image, known);
      }
    }
  }
  const images = [...users].map(([name, by]) => ({ name, users: by })).sort((a, b) => (a.name < b.name ? -1 : 1));
  return { images, namespaces: namespaces.size };
};

async function* listAllowed(cluster: Cluster, kind: Kind, signal: AbortSignal): AsyncGenerator<Workload> {
  try {
    yield* list<Workload>(cluster, kind, { signal });
  } catch (error) {
    if (kind === 'Pod' || !(error instanceof ApiError && error.reason === 'Forbidden')) throw error;
    cluster.warn(`images that only ${pluralOf(kind)} name are left out: ${error.message}`);
  }
}

const imagesOf = ({ spec }: Workload): Set<string> => {
  const pod = spec?.jobTemplate?.spec?.template?.spec ?? spec?.template?.spec ?? spec;
  const containers = [...(pod?.initContainers ?? []), ...(pod?.containers ?? []), ...(pod?.ephemeralContainers ?? [])];
  const written = [...containers.map((c) => c.image), ...(pod?.volumes ?? []).map((v) => v.image?.reference)];
  const references = written.flatMap((text) => (text && parseImage(text)) || []);
  return new Set(references.map(imageName));
};
