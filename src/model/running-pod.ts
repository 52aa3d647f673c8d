import type { RunningPod } from './cluster-objects.ts';
import { type ImageReference, parseImage } from './image-reference.ts';

/** An image of a pod; with the digest of what it runs, if it does. */
interface PodImage {
  name: ImageReference;
  digest?: string;
}

/** The images of a pod, also of its volumes. */
export const podImages = ({ spec, status }: RunningPod): PodImage[] => {
  const states = [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
    ...(status?.ephemeralContainerStatuses ?? []),
  ];
  const digests = new Map(states.map(({ name, imageID }) => [name, digestOf(imageID)]));
  const containers = [...spec.initContainers, ...spec.containers, ...spec.ephemeralContainers];
  // a pod that has ended says what was used at that time, not what its workload would use now
  const hasEnded = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  return [
    ...containers.map(({ name, image }) => ({ text: image, digest: hasEnded ? undefined : digests.get(name) })),
    ...spec.volumes.map(({ image }) => ({ text: image?.reference, digest: undefined })),
  ].flatMap(({ text, digest }) => {
    const name = text ? parseImage(text) : undefined;
    return name ? [{ name, ...(digest && { digest }) }] : [];
  });
};

/** Of an index or manifest; a node that got an image without a registry reports only the digest of its config. */
const digestOf = (imageId: string): string | undefined => /@(sha256:[0-9a-f]{64})$/.exec(imageId)?.[1];

const ARCHITECTURES = ['kubernetes.io/arch', 'beta.kubernetes.io/arch'];

/** The platform that a pod spec chooses, such as `linux/arm64`; undefined if it runs on any. */
export const chosenPlatform = ({ nodeSelector }: Pick<RunningPod['spec'], 'nodeSelector'>): string | undefined => {
  const [architecture] = ARCHITECTURES.flatMap((label) => nodeSelector[label] ?? []);
  return architecture && `linux/${architecture}`;
};
