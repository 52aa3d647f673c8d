import { PreloadError } from '../../model/errors.ts';
import { SNAPSHOTTER } from '../../model/layout.ts';
import { type Bucket, readBolt } from './bolt.ts';
import { dropTimes, nothingLeft, open, same, take, takeLabels, takeSigned, takeUnsigned } from './entries.ts';

/** containerd's two databases, as they are in their files. */
export interface Databases {
  /** images, documents and names of layers: meta.db */
  metadata: Buffer;
  /** of the overlayfs snapshotter: metadata.db */
  snapshots: Buffer;
}

/** What a store must hold, and nothing else. */
export interface ExpectedStore {
  images: readonly ExpectedImage[];
  /** sizes by digest */
  documents: ReadonlyMap<string, number>;
  /** parents first */
  layers: readonly { chainId: string; parent: string | undefined }[];
  set: string;
}

export interface ExpectedImage {
  names: readonly string[];
  target: { digest: string; mediaType: string };
  /** digests */
  manifest: string;
  config: string;
}

/** What only the store knows. */
export interface FoundStore {
  /** version of its schema */
  schema: number;
  /** of the layers' folders, by chain ID */
  numbers: ReadonlyMap<string, number>;
  /** digests of the documents that it has */
  documents: ReadonlySet<string>;
}

const NAMESPACE = 'k8s.io';
const MANAGED = { 'io.cri-containerd.image': 'managed' };
const PINNED = { 'io.cri-containerd.pinned': 'pinned' };
const COMMITTED = '\x03';

/** What restore.sh, in mode link, labels each name with. */
export const setLabels = (set: string): Record<string, string> => ({ 'kubectl-preload/set': set, ...PINNED });

/**
 * Reads containerd's databases. Throws PreloadError if they are damaged or hold anything else than expected. Where they are
 * in it: core/metadata/buckets.go and core/snapshots/storage/bolt.go of containerd.
 */
export const readStore = (databases: Databases, expected: ExpectedStore): FoundStore => {
  const metadata = readBolt(databases.metadata);
  const schema = open(metadata, 'v1');
  const version = takeSigned(schema, 'version') ?? 0;
  const namespace = open(schema, NAMESPACE);
  takeImages(open(namespace, 'images'), expected);
  const documents = takeDocuments(open(open(namespace, 'content'), 'blob'), expected);
  const numbers = takeLayers(
    open(open(namespace, 'snapshots'), SNAPSHOTTER),
    readBolt(databases.snapshots),
    expected.layers,
  );
  nothingLeft(namespace, NAMESPACE); // no lease, container, sandbox, unfinished content or other snapshotter
  nothingLeft(schema, 'v1');
  nothingLeft(metadata, 'meta.db');
  return { schema: version, numbers, documents };
};

const takeImages = (images: Bucket, { images: expected, documents, set }: ExpectedStore): void => {
  const takeImage = (name: string, candidates: readonly ExpectedImage[]): Bucket => {
    const image = open(images, name);
    const target = open(image, 'target');
    const digest = take(target, 'digest');
    const [first] = candidates;
    const found = (candidates.find((each) => each.target.digest === digest) ?? first)?.target;
    same(digest, found?.digest ?? '', `image ${name}`);
    same(take(target, 'mediatype'), found?.mediaType ?? '', `media type of ${name}`);
    same(takeSigned(target, 'size'), documents.get(found?.digest ?? '') ?? 0, `size of ${name}`);
    nothingLeft(target, name);
    const annotations = open(image, 'annotations'); // the name itself, twice
    take(annotations, 'io.containerd.image.name');
    take(annotations, 'org.opencontainers.image.ref.name');
    nothingLeft(annotations, name);
    dropTimes(image);
    return image;
  };
  for (const each of expected) {
    for (const name of each.names) {
      const image = takeImage(name, [each]);
      takeLabels(image, name, { ...MANAGED, ...setLabels(set) });
      nothingLeft(image, name);
    }
  }
  // images with the same configuration are one image of CRI, which points to any of them
  for (const [config, sharing] of Map.groupBy(expected, (each) => each.config)) {
    const image = takeImage(config, sharing);
    takeLabels(image, config, MANAGED, PINNED);
    nothingLeft(image, config);
  }
  nothingLeft(images, 'images');
};

const REFERENCE = 'containerd.io/gc.ref.content.';

/** Garbage collection must keep all documents, so labels must lead to each from a name. */
const takeDocuments = (blobs: Bucket, { images, documents }: ExpectedStore): ReadonlySet<string> => {
  const references = new Map<string, string[]>();
  for (const digest of [...blobs.entries.keys()]) {
    const blob = open(blobs, digest);
    same(takeSigned(blob, 'size'), documents.get(digest) ?? 0, `size of ${digest}`);
    const labels = open(blob, 'labels');
    const keys = [...labels.entries.keys()].filter((key) => key.startsWith(REFERENCE));
    references.set(
      digest,
      keys.flatMap((key) => take(labels, key) ?? []),
    );
    nothingLeft(labels, digest);
    dropTimes(blob);
    nothingLeft(blob, digest);
  }
  nothingLeft(blobs, 'content');
  for (const { names, target, manifest, config } of images) {
    const reachable = new Set([target.digest]);
    for (const digest of reachable) for (const next of references.get(digest) ?? []) reachable.add(next);
    for (const digest of [target.digest, manifest, config]) {
      if (!reachable.has(digest) || !references.has(digest))
        throw new PreloadError(`it does not keep ${digest} of ${names[0]}`);
    }
  }
  return new Set(references.keys());
};

/** Takes the layers out of both databases. Returns the numbers of their folders. */
const takeLayers = (
  layers: Bucket,
  database: Bucket,
  expected: ExpectedStore['layers'],
): ReadonlyMap<string, number> => {
  const schema = open(database, 'v1');
  const snapshots = open(schema, 'snapshots');
  const parents = open(schema, 'parents');
  const taken = new Map<string, TakenLayer>();
  for (const { chainId, parent } of expected) {
    const below = parent === undefined ? undefined : taken.get(parent);
    const layer = takeLayer(layers, chainId, parent);
    const number = takeSnapshot(snapshots, layer.key, below?.key);
    taken.set(chainId, { ...layer, number });
    if (!below) continue;
    same(take(parents, parentKey(below.number, number)), layer.key, `number of ${chainId}`);
    if (take(below.children, chainId) === undefined) throw new PreloadError(`it has ${chainId} without its parent`);
  }
  for (const [chainId, { children }] of taken) nothingLeft(children, chainId);
  nothingLeft(layers, 'layers');
  nothingLeft(database, 'metadata.db');
  const numbers = new Map([...taken].map(([chainId, { number }]) => [chainId, number]));
  const highest = Math.max(0, ...numbers.values());
  // a lower one makes containerd give a number twice
  if (new Set(numbers.values()).size < numbers.size || snapshots.sequence < highest)
    throw new PreloadError('two layers have the same folder');
  if (layers.sequence < Math.max(0, ...[...taken.values()].map(({ order }) => order)))
    throw new PreloadError('two layers have the same name');
  return numbers;
};

interface TakenLayer {
  /** of the folder */
  number: number;
  /** of the snapshotter; contains the chain ID, and a number that makes it unique */
  key: string;
  order: number;
  children: Bucket;
}

const takeLayer = (layers: Bucket, chainId: string, parent: string | undefined): Omit<TakenLayer, 'number'> => {
  const layer = open(layers, chainId);
  const key = take(layer, 'name') ?? '';
  const [, order] = /^k8s\.io\/(\d{1,15})\/(sha256:[0-9a-f]{64})$/.exec(key) ?? [];
  same(key, `${NAMESPACE}/${order}/${chainId}`, `key of ${chainId}`);
  same(take(layer, 'parent') ?? '', parent ?? '', `parent of ${chainId}`);
  const labels = open(layer, 'labels');
  if (take(labels, 'containerd.io/gc.root') === undefined) throw new PreloadError(`it does not keep layer ${chainId}`);
  nothingLeft(labels, chainId);
  const children = open(layer, 'children');
  dropTimes(layer);
  nothingLeft(layer, chainId);
  return { key, order: Number(order), children };
};

/** Returns the number of its folder. */
const takeSnapshot = (snapshots: Bucket, key: string, parent: string | undefined): number => {
  const snapshot = open(snapshots, key);
  const number = takeUnsigned(snapshot, 'id');
  if (!number) throw new PreloadError(`it has no snapshot ${key}`);
  same(take(snapshot, 'kind'), COMMITTED, `kind of ${key}`);
  same(take(snapshot, 'parent') ?? '', parent ?? '', `parent of ${key}`);
  for (const field of ['inodes', 'size']) take(snapshot, field); // what it took while it was made
  dropTimes(snapshot);
  nothingLeft(snapshot, key);
  return number;
};

/** Of the bucket `parents`; the other half of the key is there too so that keys are unique. */
const parentKey = (parent: number, child: number): string => `${uvarint(parent)}\0${uvarint(child)}`;

const uvarint = (value: number): string =>
  value < 0x80
    ? String.fromCharCode(value)
    : String.fromCharCode((value % 0x80) | 0x80) + uvarint(Math.floor(value / 0x80));
