import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PLATFORM } from '../e2e/restore/small-volume.ts';
import { discardLayers } from '../harness/discard-layers.ts';
import type { PrivateNode } from '../harness/private-node.ts';
import { BUNDLE } from '../harness/run-bundle.ts';
import { onNode } from './bench-node.ts';

/** Writes the images onto the disk of the volume at `path`; returns the peak memory of a Node process in MB, if there was one. */
export type Way = (node: PrivateNode, path: string, images: readonly string[]) => Promise<number | undefined>;

type Prepare = (node: PrivateNode, images: readonly string[]) => Promise<unknown>;

const forEach = (images: readonly string[], commands: string): string =>
  `for image in ${images.join(' ')}; do ${commands} || exit; done`;

const shell = (node: PrivateNode, command: string): Promise<string> => onNode(node)(['sh', '-c', command]);

const CTR = 'ctr --namespace k8s.io';

/** With --force-pull, as its own job runs it. The images have one platform: of more, it would pull every one. */
const original: Way = async (node, path, images) => {
  const pullAgain = `${CTR} images pull --all-platforms $image >/dev/null`;
  const exportImage = `${CTR} images export --platform ${PLATFORM} ${path}/$(echo $image | tr / _).tar $image`;
  await shell(node, `${forEach(images, `${pullAgain} && ${exportImage}`)}; sync`);
  return undefined;
};

export const PEAK_MEMORY = join(import.meta.dirname, 'peak-memory.ts');

/** The built program `bundle`, by hand on the node. */
export const exportWith =
  (bundle: string): Way =>
  async (node, path, images) => {
    const scratch = await mkdtemp(join(tmpdir(), 'preload-bench-ours-'));
    const [list, peak] = [join(scratch, 'images'), join(scratch, 'peak')];
    await writeFile(list, images.join('\n'));
    const program = [process.execPath, '--disable-warning=ExperimentalWarning', '--import', PEAK_MEMORY, bundle];
    const argv = [...program, 'export', '--to', path, '--stdin'];
    try {
      await shell(node, `PEAK_MEMORY_FILE=${peak} ${argv.join(' ')} <${list} && sync`);
      return (Number(await readFile(peak, 'utf8')) * 1024) / 1e6;
    } finally {
      await rm(scratch, { recursive: true });
    }
  };

export const ours = exportWith(BUNDLE);

/** Brings the images as their own platform has them, unpacked for `pull`, or only their blobs for `fetch`. */
export const bring =
  (how: 'images pull' | 'content fetch'): Prepare =>
  (node, images) =>
    shell(node, forEach(images, `${CTR} ${how} --platform ${PLATFORM} $image >/dev/null`));

/** What each way is measured on: a node by what it has, and what is done to it in turn. The original adds to it, so it is last. */
export const NODES: { prepare: Prepare; ways: Record<string, Way> }[] = [
  { prepare: bring('images pull'), ways: { cached: ours, original } },
  {
    // as nodes are that discard the blobs of unpacked layers, for which the original pulls again
    prepare: (node, images) => bring('images pull')(node, images).then(() => discardLayers(node.ctr)),
    ways: { discarded: ours, originalDiscarded: original },
  },
  { prepare: bring('content fetch'), ways: { blobs: ours } },
  { prepare: async () => {}, ways: { pulled: ours } },
];
