import { matches, OBJECT } from './parse.ts';

/** Where objects of a custom kind have a pod spec. */
export interface PodSpecPlace {
  /** names of fields; `*` stands for every item of a list and every value of a map */
  path: readonly string[];
  /** the schema says so; otherwise it allows anything there, and what is no pod spec is not an error */
  isCertain: boolean;
}

const MAX_DEPTH = 20; // fields; real ones have pod specs at most 10 deep
const MAX_PLACES = 100; // of one kind
const ANY_CHILD = '*';
// what objects say about the past, or have in common
const WITHOUT_PODS = ['status', 'metadata', 'apiVersion', 'kind'];

/** Where the OpenAPI schema of a custom kind has pod specs: objects with `containers` whose items have an `image`. */
export const podSpecPlaces = (schema: unknown): PodSpecPlace[] => {
  const places: PodSpecPlace[] = [];
  const visit = (node: unknown, path: readonly string[]): void => {
    if (!isObject(node) || path.length > MAX_DEPTH || places.length >= MAX_PLACES) return;
    const properties = isObject(node.properties) ? node.properties : {};
    const containers = containersIn(properties);
    if (containers) {
      places.push({ path, isCertain: containers === 'with image' });
      return;
    }
    if (isOpaque(node)) {
      const guess = guessPodSpec(path);
      if (guess) places.push({ path: guess, isCertain: false });
    }
    for (const [name, child] of Object.entries(properties)) {
      if (path.length > 0 || !WITHOUT_PODS.includes(name)) visit(child, [...path, name]);
    }
    visit(node.items, [...path, ANY_CHILD]);
    visit(node.additionalProperties, [...path, ANY_CHILD]);
  };
  visit(schema, []);
  return places;
};

/** What is at `path` in `object`, as it was written by whoever made the object. */
export const valuesAt = (object: unknown, [name, ...rest]: readonly string[]): unknown[] => {
  if (name === undefined) return [object];
  if (name === ANY_CHILD) return childrenOf(object).flatMap((child) => valuesAt(child, rest));
  return isObject(object) && Object.hasOwn(object, name) ? valuesAt(object[name], rest) : [];
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => matches(OBJECT, value);

const childrenOf = (value: unknown): unknown[] => {
  if (Array.isArray(value)) return value;
  return isObject(value) ? Object.values(value) : [];
};

const containersIn = ({ containers }: Readonly<Record<string, unknown>>): 'with image' | 'opaque' | undefined => {
  if (!isObject(containers) || !isObject(containers.items)) return undefined;
  const { items } = containers;
  if (isObject(items.properties) && 'image' in items.properties) return 'with image';
  return isOpaque(items) ? 'opaque' : undefined;
};

/** Whether the schema allows fields there that it does not describe. */
const isOpaque = (node: Readonly<Record<string, unknown>>): boolean =>
  node['x-kubernetes-preserve-unknown-fields'] === true;

/** Where workloads usually have their pod spec, if the schema stops describing them at `path`. */
const guessPodSpec = (path: readonly string[]): readonly string[] | undefined => {
  const [parent = '', last = ''] = path.slice(-2);
  if (path.length === 0) return ['spec', 'template', 'spec'];
  if (path.length === 1 && path[0] === 'spec') return ['spec', 'template', 'spec'];
  if (isTemplate(path.at(-1) ?? '')) return [...path, 'spec'];
  return last === 'spec' && isTemplate(parent) ? path : undefined;
};

const isTemplate = (name: string): boolean => /template$/i.test(name);
