import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { PreloadError } from '../model/errors.ts';
import { SNAPSHOTTER } from '../model/layout.ts';
import { blobPath, digestOf, isDigest } from '../model/oci.ts';
import type { NodeTools } from '../model/request.ts';
import { type Ctr, inNode, run, words } from './command.ts';
import { pathInNode } from './files.ts';

/** Image names of a containerd store and what they point to. */
export type NodeImages = ReadonlyMap<string, string>;

/** What the node's containerd has; it is only read. */
export interface NodeStore {
  ctr: Ctr;
  images: NodeImages;
  /** bytes by chain ID of what is unpacked for the overlayfs snapshotter */
  unpacked: ReadonlyMap<string, number>;
  /** folder of its content, as a path of this process */
  content: string;
  /** the image every pod sandbox is made from */
  sandbox: string | undefined;
  /** folders with hosts.toml files, as the node sees them */
  certsFolders: string[];
}

const CRI_NAMESPACE = 'k8s.io';
export const SNAPSHOTTER_FLAG = ['--snapshotter', SNAPSHOTTER];

/** Parses the table of `ctr images ls`. Names that are only a config digest, as CRI adds them, are left out. */
export const parseImageTable = (table: string): NodeImages =>
  new Map(
    table
      .split('\n')
      .slice(1)
      .flatMap((line): [string, string][] => {
        const [name = '', , digest = ''] = line.split(/\s+/);
        return isDigest(digest) && !name.startsWith('sha256:') ? [[name, digest]] : [];
      }),
  );

/** Parses the table of `ctr snapshots usage -b`; only layers have a chain ID for a key. */
export const parseUsageTable = (table: string): ReadonlyMap<string, number> =>
  new Map([...table.matchAll(/^(sha256:[0-9a-f]{64})\s+(\d+)/gm)].map(([, key = '', bytes]) => [key, Number(bytes)]));

interface ContainerdConfig {
  root?: string;
  plugins?: Record<
    string,
    { sandbox_image?: string; pinned_images?: { sandbox?: string }; registry?: { config_path?: string } }
  >;
}

// CRI is one plugin in 1.x and several in 2.x.
const CRI_PLUGINS = ['io.containerd.grpc.v1.cri', 'io.containerd.cri.v1.images'];

/** What matters here of a configuration as `containerd config dump` prints it. */
export const parseConfig = (text: string): Pick<NodeStore, 'sandbox' | 'certsFolders'> & { root: string } => {
  const { root = '/var/lib/containerd', plugins = {} } = parse(text) as ContainerdConfig;
  const cri = CRI_PLUGINS.flatMap((name) => plugins[name] ?? []);
  const folders = cri.flatMap(({ registry }) => registry?.config_path?.split(':') ?? []);
  return {
    root,
    sandbox: cri.map((plugin) => plugin.sandbox_image ?? plugin.pinned_images?.sandbox).find(Boolean),
    certsFolders: folders.filter(Boolean),
  };
};

/** Reads what the containerd of the node at `root` has, as far as it answers. Throws PreloadError where it does not. */
export const readNodeStore = async (
  root: string,
  { ctrPath, ctrFlags, containerdPath }: NodeTools,
  signal: AbortSignal,
): Promise<NodeStore> => {
  const ctr = inNode(root, [...words(ctrPath), ...words(ctrFlags), '--namespace', CRI_NAMESPACE]);
  const ask = async (...args: string[]): Promise<string> => (await run([...ctr, ...args], signal)).toString();
  const table = await ask('images', 'ls').catch((error: Error) => {
    signal.throwIfAborted();
    throw new PreloadError(
      `the node's containerd cannot be asked: ${error.message}`,
      'say how with --ctr-path and --ctr-flags',
    );
  });
  // Where there is no overlayfs snapshotter there are no layers to copy.
  const usage = await ask('snapshots', ...SNAPSHOTTER_FLAG, 'usage', '-b').catch(() => '');
  const config = parseConfig(
    await run(inNode(root, [containerdPath, 'config', 'dump']), signal).then(String, () => ''),
  );
  return {
    ctr,
    images: parseImageTable(table),
    unpacked: parseUsageTable(usage),
    content: await pathInNode(root, join(config.root, 'io.containerd.content.v1.content')),
    sandbox: config.sandbox,
    certsFolders: config.certsFolders,
  };
};

/** A document of the node's content store, or undefined where it is not there or not what its name says. */
export const readDocument = async ({ content }: NodeStore, digest: string): Promise<Buffer | undefined> => {
  const data = await readFile(join(content, blobPath(digest))).catch(() => undefined);
  return data && digestOf(data) === digest ? data : undefined;
};

/** Folders of the layers in the mount that `ctr snapshots prepare --target` prints for a child of them, base first. */
export const parseLowerDirectories = (mountCommand: string): string[] => {
  const lower = /lowerdir=([^\s,]+)/.exec(mountCommand)?.[1];
  return lower ? lower.split(':').reverse() : [];
};

/** The writable folder in such a mount: of a snapshot without a parent it is what gets bound. */
export const parseUpperDirectory = (mountCommand: string): string | undefined =>
  /upperdir=([^\s,]+)/.exec(mountCommand)?.[1] ?? /^mount -t bind (\S+) /m.exec(mountCommand)?.[1];
