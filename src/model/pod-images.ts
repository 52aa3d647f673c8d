import type { Placement, PodSpec, Workload } from './cluster-objects.ts';
import { type ImageReference, imageName, parseImage } from './image-reference.ts';

export const podSpecOf = ({ spec }: Workload): PodSpec =>
  spec.jobTemplate?.spec.template?.spec ?? spec.template?.spec ?? spec;

const OS_LABELS = ['kubernetes.io/os', 'beta.kubernetes.io/os'];

/** Mixed clusters keep such pods from Linux nodes by a label of the nodes, because `os` has no influence on where a pod runs. */
export const isForWindows = ({ os, nodeSelector }: Placement): boolean =>
  [os?.name, ...OS_LABELS.map((label) => nodeSelector[label])].includes('windows');

/** The images of a pod by name, and the texts that it has instead of an image. */
export const imagesOf = (pod: PodSpec): { images: Map<string, ImageReference>; others: string[] } => {
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
