import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Layout } from '../../src/model/layout.ts';
import { run } from '../cluster/machine/run.ts';
import type { ContainerdVersion } from '../cluster/node/config.ts';
import { type SmallImage, writeSmallVolume } from '../e2e/restore/small-volume.ts';
import { requested } from '../harness/capture-request.ts';
import { startLoader } from '../harness/loader-process.ts';
import type { PrivateNode } from '../harness/private-node.ts';
import { withNode } from './bench-node.ts';
import { loadImages } from './bench-volume.ts';
import { seconds } from './timing.ts';

export interface CaptureOptions {
  layout?: Layout;
  seed?: boolean;
}

/** A node that has all images of an archive, of which `sandbox` is for sandboxes. */
export const withImages = <T>(
  folder: string,
  version: ContainerdVersion,
  archive: string,
  sandbox: string,
  body: (node: PrivateNode) => Promise<T>,
): Promise<T> =>
  withNode(
    folder,
    version,
    async (node) => {
      await loadImages(node, archive);
      return body(node);
    },
    `[plugins."io.containerd.grpc.v1.cri"]\nsandbox_image = "${sandbox}"\n`,
  );

/** Captures images of the node's cache onto the empty disk at `path`. Returns how many seconds it took. */
export const capture = async (
  folder: string,
  node: PrivateNode,
  path: string,
  names: readonly string[],
  { layout = 'layers', seed = true }: CaptureOptions = {},
): Promise<number> => {
  const files = await mkdtemp(join(folder, 'capture-'));
  const taken = await seconds(async () => {
    const loader = await startLoader(node, files, path, { images: names.map((name) => requested(name)), layout, seed });
    const { code, stderr, events } = await loader.ended;
    const warning = events.find(({ type }) => type === 'warning' || type === 'skipped');
    if (code !== 0 || warning) throw new Error(`capture: ${stderr} ${JSON.stringify(warning)}`);
  });
  await rm(files, { recursive: true });
  return taken;
};

/** Writes an archive of small images that containerd can import. */
export const writeSmallArchive = async (file: string, images: readonly SmallImage[]): Promise<void> => {
  const scratch = await mkdtemp(`${file}-`);
  await writeSmallVolume(scratch, images, { blobs: true });
  await run(['tar', '-cf', file, '-C', scratch, 'oci-layout', 'index.json', 'blobs']);
  await rm(scratch, { recursive: true });
};
