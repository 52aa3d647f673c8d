import type { CapturedImage } from '../../../src/model/image.ts';
import { binaryFolder, provide, type Source } from '../../cluster/components.ts';
import { type ContainerdVersion, containerdSource } from '../../cluster/node/config.ts';
import { requested } from '../../harness/capture-request.ts';
import { startLoader } from '../../harness/loader-process.ts';
import type { LoopVolume } from '../../harness/loop-volume.ts';
import { type PrivateNode, startPrivateNode } from '../../harness/private-node.ts';

/** Starts a node with containerd and crictl, whose pause image is `sandbox`. */
export const startCaptureNode = async (
  folder: string,
  sandbox: string,
  version: ContainerdVersion = '2',
): Promise<PrivateNode> => {
  const sources: Source[] = [containerdSource(version), { module: 'cri-tools' }];
  await provide(sources, console.error);
  const binaries = await Promise.all(sources.map((source) => binaryFolder(source)));
  const config = `[plugins."io.containerd.grpc.v1.cri"]\nsandbox_image = "${sandbox}"\n`;
  return startPrivateNode(folder, binaries.filter(Boolean).join(':'), config);
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
