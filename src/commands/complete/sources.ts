import type * as v from 'valibot';
import type { Cluster } from '../../cluster/connection.ts';
import type { Kind } from '../../cluster/kinds.ts';
import { list } from '../../cluster/lists.ts';
import { workloads } from '../../cluster/workloads.ts';
import { ANY, LOADER_POD, NODE } from '../../model/cluster-objects.ts';
import { prefixOf } from '../../model/generations.ts';
import { INSTANCE_LABEL, ofComponent, selector } from '../../model/names.ts';
import { imagesOf, isForWindows } from '../../model/pod-images.ts';
import { SNAPSHOT_CLASS, STORAGE_CLASS, VOLUME_SNAPSHOT } from '../../model/storage-objects.ts';
import { formatAge } from '../../model/units.ts';
import type { Candidate } from './candidates.ts';

/** Where live names come from. */
interface Place {
  cluster: () => Promise<Cluster>;
  /** names of the contexts in the kubeconfig */
  contexts: () => string[];
  now: number;
  signal: AbortSignal;
}

/** Yields names as it finds them, because the time for them is short. */
type Source = (place: Place) => AsyncGenerator<Candidate>;

/** Yields a candidate for each object of a kind. */
const each = <S extends v.GenericSchema>(
  kind: Kind,
  schema: S,
  candidate: (object: v.InferOutput<S>, place: Place) => Candidate | Candidate[],
  isIn: { namespace?: boolean; labelSelector?: string } = {},
): Source =>
  async function* (place) {
    const cluster = await place.cluster();
    const { namespace, ...query } = isIn;
    const options = { ...query, ...(namespace && { namespace: cluster.namespace }), signal: place.signal };
    for await (const object of list(cluster, kind, schema, options)) yield* [candidate(object, place)].flat();
  };

const name = ({ metadata }: { metadata: { name: string } }): Candidate => ({ word: metadata.name });

const age = (created: string | undefined, now: number): string => formatAge(now - Date.parse(created ?? ''));

const preloads = each(
  'VolumeSnapshot',
  VOLUME_SNAPSHOT,
  ({ metadata, status }, { now }) => ({
    word: metadata.name,
    describe: `${status?.readyToUse ? 'ready' : 'not ready'}, ${age(metadata.creationTimestamp, now)}`,
  }),
  { namespace: true, labelSelector: selector() },
);

/** Preloads that are being captured, or whose capture was interrupted. */
const unfinished = each(
  'Pod',
  LOADER_POD,
  ({ metadata }, { now }) => ({
    word: metadata.labels?.[INSTANCE_LABEL] ?? '',
    describe: `started ${age(metadata.creationTimestamp, now)} ago`,
  }),
  { namespace: true, labelSelector: ofComponent('loader') },
);

/** Each prefix once, before the first preload that has it. */
const withPrefixes: Source = async function* (place) {
  const found = new Set<string>();
  for await (const preload of preloads(place)) {
    const prefix = prefixOf(preload.word);
    if (prefix && !found.has(prefix)) yield { word: prefix, describe: NEWEST };
    if (prefix) found.add(prefix);
    yield preload;
  }
};

const NEWEST = 'the newest one';

const prefixes: Source = async function* (place) {
  for await (const one of withPrefixes(place)) if (one.describe === NEWEST) yield one;
};

const both = (...sources: Source[]): Source =>
  async function* (place) {
    for (const source of sources) yield* source(place);
  };

const nodes = each('Node', NODE, ({ metadata, status: { nodeInfo, conditions } }) => {
  const isReady = conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
  const platform = `${nodeInfo.operatingSystem}/${nodeInfo.architecture}`;
  return { word: metadata.name, describe: `${platform}, ${isReady ? 'ready' : 'not ready'}` };
});

const platforms = each('Node', NODE, ({ status: { nodeInfo } }) =>
  nodeInfo.operatingSystem === 'linux' ? { word: `linux/${nodeInfo.architecture}` } : [],
);

const taints = each('Node', NODE, ({ spec }) =>
  (spec?.taints ?? []).map(({ key, value, effect }) => ({ word: `${key}${value ? `=${value}` : ''}:${effect}` })),
);

const FEW = 50; // so that the first names are there in time

/** Also the short forms of Docker Hub's images, as people type them. */
const images: Source = async function* ({ cluster, signal }) {
  for await (const { pod } of workloads(await cluster(), { labelSelector: undefined, page: FEW, signal })) {
    if (isForWindows(pod)) continue;
    for (const word of imagesOf(pod).images.keys()) {
      const short = word.replace(/^docker\.io\/(library\/)?/, '');
      yield { word: short };
      if (short !== word) yield { word };
    }
  }
};

const storageClasses = each('StorageClass', STORAGE_CLASS, ({ metadata, provisioner }) => ({
  word: metadata.name,
  describe: provisioner,
}));

const snapshotClasses = each('VolumeSnapshotClass', SNAPSHOT_CLASS, ({ metadata, driver }) => ({
  word: metadata.name,
  describe: driver,
}));

const contexts: Source = async function* (place) {
  for (const word of place.contexts()) yield { word };
};

const none: Source = async function* () {};

const existing = both(withPrefixes, unfinished);

/** Where the values of flags and arguments come from, for all verbs or for one. */
export const SOURCES: Readonly<Record<string, Source>> = {
  NAME: withPrefixes,
  OTHER: withPrefixes,
  IMAGE: images,
  'status NAME': existing,
  'delete NAME': existing,
  'create NAME': none, // a new one
  'create NAME --resume': unfinished,
  'create NAME --generate-name': images, // then the name is made, and all arguments are images
  '--base': withPrefixes,
  '--class': snapshotClasses,
  '--context': contexts,
  '--exclude': images,
  '--generate-name': prefixes,
  '--namespace': each('Namespace', ANY, name),
  '--node': nodes,
  '--platform': platforms,
  '--priority-class': each('PriorityClass', ANY, name),
  '--pvc': each('PersistentVolumeClaim', ANY, name, { namespace: true }),
  '--snapshot-class': snapshotClasses,
  '--storage-class': storageClasses,
  '--toleration': taints,
};
