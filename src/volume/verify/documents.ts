import type { VolumeContents } from '../../model/contents.ts';
import type { CapturedImage } from '../../model/image.ts';
import { blobPath, chainIds, digestOf, manifestsFor, parseDocument, parseManifest } from '../../model/oci.ts';
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
    const [target, manifest, config] = await Promise.all([image.digest, image.manifest, image.config].map(read));
    if (target) sizes.set(image.digest, target.length);
    if (!target || !manifest || !config) continue;
    const problem = documentsProblem(image, contents.platform, { target, manifest, config });
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
  { target, manifest, config }: Record<'target' | 'manifest' | 'config', Buffer>,
): string | undefined => {
  try {
    const manifests = manifestsFor(parseDocument(target, image.digest), platform) ?? [image.digest];
    if (!manifests.includes(image.manifest)) return 'does not list the manifest given in preload.json';
    const { config: named, layers } = parseManifest(parseDocument(manifest, image.manifest));
    const chain = chainIds(parseDocument(config, image.config), platform);
    const described = layers.map(({ digest, size }, index) => `${chain[index]} ${digest} ${size}`);
    const listed = image.layers.map(({ chainId, digest, bytes }) => `${chainId} ${digest} ${bytes}`);
    if (named.digest !== image.config || chain.length !== layers.length || described.join() !== listed.join()) {
      return 'its layers do not match preload.json';
    }
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
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
