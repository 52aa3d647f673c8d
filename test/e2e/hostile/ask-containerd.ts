import { join } from 'node:path';
import { parseDocument } from '../../../src/model/oci.ts';
import { writeImagesArchive } from '../../../src/volume/archives.ts';
import { sha256 } from '../../cluster/images/oci-image.ts';
import { until } from '../../cluster/machine/until.ts';
import type { PrivateNode } from '../../harness/private-node.ts';
import { collectGarbage, emptyStore, lines } from '../restore/restored-node.ts';
import type { Repository } from './table-registry.ts';

/** The image that CRI has under a name. */
export interface ChosenImage {
  /** the first word of its command */
  label: string;
  /** digest of its configuration, which is its ID in CRI */
  config: string;
}

interface Config {
  config?: { Cmd?: string[] };
  rootfs?: { diff_ids?: string[] };
}

export const labelOf = ({ config }: Config): string => config?.Cmd?.[0] ?? '';

/** The chain ID of the last of these layers, or nothing. */
export const topChain = (diffIDs: readonly string[]): string =>
  diffIDs.reduce((chain, diffID) => (chain ? sha256(`${chain} ${diffID}`) : diffID), '');

/** Pulls an image as a kubelet does. Throws if containerd cannot run it. */
export const pullThroughCri = async (node: PrivateNode, name: string): Promise<ChosenImage> => {
  const { code, stderr } = await node.run(['crictl', '--timeout', '60s', 'pull', name]);
  if (code !== 0) throw new Error(stderr);
  const config = await idInCri(node, name);
  const content: Config = JSON.parse(await node.ctr('content', 'get', config));
  const top = topChain(content.rootfs?.diff_ids ?? []);
  const unpacked = lines(await node.ctr('snapshots', 'ls')).some((line) => line.startsWith(`${top} `));
  if (top && !unpacked) throw new Error(`${name} is not unpacked`);
  return { label: labelOf(content), config };
};

export const idInCri = async (node: PrivateNode, name: string): Promise<string> => {
  const { stdout, stderr } = await node.run(['crictl', 'inspecti', '--output', 'json', name]);
  if (!stdout) throw new Error(stderr);
  return JSON.parse(stdout).status.id;
};

/** The documents from the root to the first configuration that is wanted: indexes, a manifest, the configuration. */
export const pathTo = ({ root, contents }: Repository, isWanted: (config: Config) => boolean): string[] => {
  const text = root.content.toString();
  const { manifests, config } = JSON.parse(text);
  if (!manifests && !config?.digest) return isWanted(JSON.parse(text)) ? [text] : [];
  for (const { digest } of manifests ?? [config]) {
    const next = contents.find(({ descriptor }) => descriptor.digest === digest);
    const rest = next ? pathTo({ root: next, contents }, isWanted) : [];
    if (rest.length > 0) return [text, ...rest];
  }
  return [];
};

/** An image as its documents, from the root to the configuration. */
export interface NamedDocuments {
  name: string;
  documents: readonly string[];
}

export interface Imported {
  /** of the names in the archive, those that containerd lists */
  names: string[];
  /** the image that CRI has under the first of them */
  config: string | undefined;
  /** digests of all content after garbage collection */
  content: string[];
  error: string;
}

/** Imports the images into an empty store, without layers, as restore.sh does. `flags` are for this containerd. */
export const importDocuments = async (
  node: PrivateNode,
  folder: string,
  images: readonly NamedDocuments[],
  ...flags: string[]
): Promise<Imported> => {
  await emptyStore(node);
  const archive = join(folder, 'documents.tar');
  const parse = (text: string) => parseDocument(Buffer.from(text));
  await writeImagesArchive(
    archive,
    images.map(({ name, documents: [root = ''] }) => ({ name, target: parse(root) })),
    images.flatMap(({ documents }) => documents.map(parse)),
  );
  const { stderr } = await node.run([
    'ctr',
    '--namespace',
    'k8s.io',
    'images',
    'import',
    '--no-unpack',
    ...flags,
    archive,
  ]);
  await collectGarbage(node);
  const listed = lines(await node.ctr('images', 'ls', '-q'));
  const names = images.map(({ name }) => name).filter((name) => listed.includes(name));
  const [first] = names;
  return {
    names,
    config: first && (await eventually(() => idInCri(node, first))),
    content: lines(await node.ctr('content', 'ls', '-q')),
    error: stderr,
  };
};

/** CRI hears of an image a moment after its import. */
const eventually = async (ask: () => Promise<string>): Promise<string | undefined> => {
  let answer: string | undefined;
  const asked = async () => {
    answer = await ask().catch(() => undefined);
    return answer !== undefined;
  };
  await until('CRI to know the image', asked, 5).catch(() => {});
  return answer;
};
