import { type Ctr, inNode, run } from './ctr.ts';

/** Image names of a containerd store and what they point to. */
export type NodeImages = ReadonlyMap<string, string>;

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

export const nodeImages = async (ctr: Ctr, signal: AbortSignal): Promise<NodeImages> =>
  parseImageTable((await run([...ctr, 'images', 'ls'], signal)).toString());

/** The sandbox image in `config`, which is containerd's configuration as `containerd config dump` prints it. */
export const parseSandboxImage = (config: string): string | undefined =>
  /^\s*sandbox_image\s*=\s*["'](.+)["']/m.exec(config)?.[1] ??
  /\.pinned_images\]\n(?: *[^\s[].*\n)*? *sandbox = ["'](.+)["']/.exec(config)?.[1];

/** The image every pod sandbox of the node at `root` is made from. */
export const sandboxImage = async (root: string, signal: AbortSignal): Promise<string | undefined> =>
  parseSandboxImage((await run(inNode(root, ['containerd', 'config', 'dump']), signal)).toString());
