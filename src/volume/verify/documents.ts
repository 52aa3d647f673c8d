import type { VolumeContents } from '../../model/contents.ts';
import type { CapturedImage } from '../../model/image.ts';
import {
  blobPath,
  chainIds,
  type Document,
  digestOf,
  entriesFor,
  indexEntries,
  parseDocument,
  parseManifest,
} from '../../model/oci.ts';
import { OCI_LAYOUT } from '../archives.ts';
import type { Problems } from './problems.ts';
import { readText } from './read.ts';

/** Checks that the OCI image layout has every image, and that its documents match preload.json. */
export const checkDocuments = async (volume: string, contents: VolumeContents, problems: Problems): Promise<void> => {
  const sizes = new Map<string, number>();
  for (const image of contents.images) {
    const read = async (digest: string): Promise<Buffer | undefined> => {
      const text = await readText(volume, blobPath(digest));
      if (text === undefined) problems.add(blobPath(digest), 'is missing', image.names.slice(0, 1));
      if (text === undefined || digestOf(text) !== digest) return undefined; // checkBlobs reports a wrong digest
      return Buffer.from(text);
    };
    const digests = [image.digest, image.manifest, image.config, ...(image.documents ?? [])];
    const texts = new Map<string, Buffer>();
    for (const digest of new Set(digests)) {
      const text = await read(digest);
      if (text) texts.set(digest, text);
    }
    const target = texts.get(image.digest);
    if (target) sizes.set(image.digest, target.length);
    if (digests.some((digest) => !texts.has(digest))) continue;
    const problem = documentsProblem(image, contents.platform, texts);
    if (problem) problems.add(blobPath(image.digest), problem, image.names.slice(0, 1));
  }
  if ((await readText(volume, 'oci-layout')) !== OCI_LAYOUT)
    problems.add('oci-layout', 'is missing or not from an OCI image layout');
  const indexed = entriesOf(await readText(volume, 'index.json'));
  const expected = contents.images.flatMap(({ names, digest }) =>
    names.map((name) => `${name} ${name} ${digest} ${sizes.get(digest) ?? indexed.get(name)?.split(' ').at(-1)}`),
  );
  if ([...indexed.values()].sort().join('\n') !== expected.sort().join('\n')) {
    problems.add('index.json', 'does not match the names in preload.json');
  }
};

const documentsProblem = (
  image: CapturedImage,
  platform: string,
  texts: ReadonlyMap<string, Buffer>,
): string | undefined => {
  try {
    const document = (digest: string) => parseDocument(texts.get(digest) ?? Buffer.of(), digest);
    const listed = listedDocuments(image, platform, document);
    if ([image.manifest, ...(image.documents ?? [])].some((digest) => !listed.has(digest))) {
      return 'does not list the documents given in preload.json';
    }
    const { config: named, layers } = parseManifest(document(image.manifest));
    const chain = chainIds(document(image.config));
    const described = layers.map(({ digest, size }, index) => `${chain[index]} ${digest} ${size}`);
    const expected = image.layers.map(({ chainId, digest, bytes }) => `${chainId} ${digest} ${bytes}`);
    if (named.digest !== image.config || chain.length !== layers.length || described.join() !== expected.join()) {
      return 'its layers do not match preload.json';
    }
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
};

/** Digests of what the indexes of an image list for a platform, its target included. */
const listedDocuments = (
  { digest: target, documents = [] }: CapturedImage,
  platform: string,
  document: (digest: string) => Document,
): ReadonlySet<string> => {
  const listed = new Set([target]);
  for (const digest of listed) {
    const isIndex = digest === target || documents.includes(digest);
    const entries = (isIndex && indexEntries(document(digest))) || [];
    for (const entry of entriesFor(entries, platform)) listed.add(entry.digest);
  }
  return listed;
};

interface Entry {
  digest?: unknown;
  size?: unknown;
  annotations?: Record<string, unknown>;
}

/** Entries of index.json by name, as `name reference digest size`; empty if it is invalid. */
const entriesOf = (text = ''): Map<string, string> => {
  try {
    const { manifests } = JSON.parse(text) as { manifests: Entry[] };
    return new Map(
      manifests.map(({ digest, size, annotations = {} }) => {
        const name = String(annotations['io.containerd.image.name']);
        return [name, `${name} ${annotations['org.opencontainers.image.ref.name']} ${digest} ${size}`];
      }),
    );
  } catch {
    return new Map();
  }
};
