import { PLACEMENT } from './cluster-objects.ts';
import { PreloadError } from './errors.ts';
import { matches, OBJECT, parse } from './parse.ts';
import { isForWindows } from './pod-images.ts';

/** What a container in a manifest has as its image. */
export interface ManifestImage {
  /** `spec.template.spec.containers[0].image` */
  path: string;
  value: unknown;
  /** only pods on Windows use it */
  windows: boolean;
}

const CONTAINERS = ['initContainers', 'containers', 'ephemeralContainers'];
const MAX_DEPTH = 100;
const MAX_VALUES = 10_000_000; // aliases can make a small document grow without end

/** The images in a document of any kind, in order. Throws PreloadError if it is nested too deeply, or its aliases explode. */
export const imagesInManifest = (document: unknown): ManifestImage[] => {
  const found: ManifestImage[] = [];
  let values = 0;
  const visit = (value: unknown, path: string, depth: number): void => {
    values += 1;
    if (depth > MAX_DEPTH) throw new PreloadError(`is nested more than ${MAX_DEPTH} levels deep`);
    if (values > MAX_VALUES) throw new PreloadError(`has more than ${MAX_VALUES} values`);
    if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) visit(item, `${path}[${index}]`, depth + 1);
    } else if (isObject(value) && value.kind !== 'CustomResourceDefinition') {
      found.push(...imagesOfPod(value, path));
      for (const [name, child] of Object.entries(value)) visit(child, below(path, name), depth + 1);
    }
  };
  visit(document, '', 0);
  return found;
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && matches(OBJECT, value);

const below = (path: string, name: string): string => (path ? `${path}.${name}` : name);

const imagesOfPod = (pod: Readonly<Record<string, unknown>>, path: string): ManifestImage[] => {
  const containers = CONTAINERS.flatMap((list) =>
    itemsOf(pod[list]).map(([item, index]) => ({ path: below(path, `${list}[${index}].image`), value: item.image })),
  );
  const volumes = itemsOf(pod.volumes).map(([{ image }, index]) => ({
    path: below(path, `volumes[${index}].image.reference`),
    value: isObject(image) ? image.reference : undefined,
  }));
  const images = [...containers, ...volumes].filter(
    ({ value }) => value !== undefined && value !== null && value !== '',
  );
  const windows = images.length > 0 && isForWindows(placementOf(pod));
  return images.map((image) => ({ ...image, windows }));
};

const itemsOf = (list: unknown): [item: Readonly<Record<string, unknown>>, index: number][] =>
  Array.isArray(list) ? list.flatMap((item, index) => (isObject(item) ? [[item, index]] : [])) : [];

const placementOf = (pod: Readonly<Record<string, unknown>>) =>
  matches(PLACEMENT, pod) ? parse(PLACEMENT, pod) : { nodeSelector: {} };
