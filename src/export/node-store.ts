import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PreloadError } from '../model/errors.ts';
import { digestOf } from '../model/oci.ts';
import { blobPath } from '../volume/format.ts';
import { type Ctr, inNode, run } from './ctr.ts';

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
}

export const SNAPSHOTTER_FLAG = ['--snapshotter', 'overlayfs'];

/** Parses the table of `ctr images ls`. Names that are only a config digest, as CRI adds them, are left out. */
export const parseImageTable = (table: string): NodeImages =>
  new Map(
    table
      .split('\n')
      .slice(1)
      .flatMap((line): [string, string][] => {
        const [name = '', , digest = ''] = line.split(/\s+/);
        return digest.startsWith('sha256:') && !name.startsWith('sha256:') ? [[name, digest]] : [];
      }),
  );

/** Parses the table of `ctr snapshots usage -b`; only layers have a chain ID for a key. */
export const parseUsageTable = (table: string): ReadonlyMap<string, number> =>
  new Map([...table.matchAll(/^(sha256:[0-9a-f]{64})\s+(\d+)/gm)].map(([, key = '', bytes]) => [key, Number(bytes)]));

/** The sandbox image in `config`, which is containerd's configuration as `containerd config dump` prints it. */
export const parseSandboxImage = (config: string): string | undefined =>
  /^\s*sandbox_image\s*=\s*["'](.+)["']/m.exec(config)?.[1] ??
  /^\s*\[plugins\.['"]io\.containerd\.cri\.v1\.images['"]\.pinned_images\]\s*\n\s*sandbox\s*=\s*["'](.+)["']/m.exec(
    config,
  )?.[1];

const parseRoot = (config: string): string => /^root\s*=\s*["'](.+)["']/m.exec(config)?.[1] ?? '/var/lib/containerd';

/** Reads what the containerd of the node at `root` has, as far as it answers. Throws PreloadError where it does not. */
export const readNodeStore = async (root: string, ctr: Ctr, signal: AbortSignal): Promise<NodeStore> => {
  const ask = async (...args: string[]): Promise<string> =>
    (await run([...inNode(root, ctr), ...args], signal)).toString();
  const table = await ask('images', 'ls').catch((error: Error) => {
    signal.throwIfAborted();
    throw new PreloadError(
      `the node's containerd cannot be asked: ${error.message}`,
      'say how with --ctr-path and --ctr-flags',
    );
  });
  // Where there is no overlayfs snapshotter there are no layers to copy.
  const usage = await ask('snapshots', ...SNAPSHOTTER_FLAG, 'usage', '-b').catch(() => '');
  const config = await run(inNode(root, ['containerd', 'config', 'dump']), signal).then(String, () => '');
  return {
    ctr: inNode(root, ctr),
    images: parseImageTable(table),
    unpacked: parseUsageTable(usage),
    content: join(root, parseRoot(config), 'io.containerd.content.v1.content'),
    sandbox: parseSandboxImage(config),
  };
};

/** A document of the node's content store, or undefined where it is not there or not what its name says. */
export const readDocument = async ({ content }: NodeStore, digest: string): Promise<Buffer | undefined> => {
  const data = await readFile(join(content, blobPath(digest))).catch(() => undefined);
  return data && digestOf(data) === digest ? data : undefined;
};
