import type { CapturedImage } from '../../../src/model/image.ts';
import { binaryFolder, provide, type Source } from '../../cluster/components.ts';
import { containerdSource } from '../../cluster/node/config.ts';
import { requested } from '../../harness/capture-request.ts';
import { startLoader } from '../../harness/loader-process.ts';
import type { LoopVolume } from '../../harness/loop-volume.ts';
import { type PrivateNode, startPrivateNode } from '../../harness/private-node.ts';

const SOURCES: Source[] = [containerdSource('2'), { module: 'cri-tools' }];

/** Starts a node with containerd 2 and crictl, whose pause image is `sandbox`. */
export const startCaptureNode = async (folder: string, sandbox: string): Promise<PrivateNode> => {
  await provide(SOURCES, console.error);
  const binaries = await Promise.all(SOURCES.map((source) => binaryFolder(source)));
  const config = `[plugins."io.containerd.grpc.v1.cri"]\nsandbox_image = "${sandbox}"\n`;
  return startPrivateNode(folder, binaries.join(':'), config);
};

export interface Captured {
  code: number | null;
  stderr: string;
  /** reasons by name */
  skipped: ReadonlyMap<string, string>;
  /** by their first name */
  images: ReadonlyMap<string, CapturedImage>;
}

/** Captures images, of which those in `required` must succeed; the others are `found` in the cluster. */
export const captureAll = async (
  node: PrivateNode,
  folder: string,
  volume: LoopVolume,
  required: readonly string[],
  found: readonly string[],
): Promise<Captured> => {
  const images = [
    ...required.map((name) => requested(name)),
    ...found.map((name) => requested(name, { required: false })),
  ];
  const loader = await startLoader(node, folder, volume.path, { images, parallel: 8 });
  const { code, stderr, events } = await loader.ended;
  return {
    ...{ code, stderr },
    skipped: new Map(events.flatMap((event) => (event.type === 'skipped' ? [[event.name, event.reason]] : []))),
    images: new Map(
      events.flatMap((event) => (event.type === 'image' ? [[event.image.names[0] ?? '', event.image]] : [])),
    ),
  };
};
