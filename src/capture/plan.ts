import { deeperLayers } from '../model/contents.ts';
import { PreloadError } from '../model/errors.ts';
import type { ResolvedImage } from '../model/image.ts';
import { type Available, type CapturePlan, planCapture } from '../model/plan.ts';
import { blobsOfNode } from './blobs.ts';
import { requiredFirst, withoutImpostors, withoutOversized } from './choose.ts';
import type { Capture } from './context.ts';
import { resolveImages } from './resolve.ts';
import { checkSpace, spaceOn } from './space.ts';
import { inspectVolume, reclaimableBytes, type VolumeState } from './volume.ts';
import { unusableNames, wantedImages } from './wanted.ts';

export const NOTHING = 'none of the images could be captured';

/** What will be captured, and how. */
interface PlannedCapture {
  images: ResolvedImage[];
  planned: CapturePlan;
  /** the plan without these layers of the node, by chain ID */
  replan: (lost: ReadonlySet<string>) => CapturePlan;
  /** what stays on the volume */
  kept: VolumeState;
}

/** Resolves the images of the request and plans their capture. Changes nothing. Throws PreloadError if it cannot succeed. */
export const planImages = async (capture: Capture): Promise<PlannedCapture> => {
  const { request, form, node, volume, report } = capture;
  for (const { name, reason } of unusableNames(request, node)) report({ type: 'skipped', name, reason });
  const found = await resolveImages(capture, wantedImages(request, node.images, node.config.sandbox));
  const state = await inspectVolume(capture);
  const deeper = new Set([...node.deeper, ...state.deeper, ...deeperLayers(found)]);
  const genuine = requiredFirst(withoutImpostors(capture, found, deeper));
  const available: Available = {
    unpacked: request.copy ? node.unpacked : new Map(),
    blobs: await blobsOfNode(node, genuine),
    onVolume: request.copy ? state.layers : state.layers.intersection(state.fromBlobs),
    blobsOnVolume: state.blobs,
  };
  const space = await spaceOn(volume, await reclaimableBytes(volume, state));
  const needs = new Map(genuine.map((image) => [image, planCapture([image], available, form).summary.neededBytes]));
  const images = withoutOversized(capture, needs, space.free);
  if (images.length === 0) throw new PreloadError(NOTHING);
  const planned = planCapture(images, available, form);
  report({ type: 'plan', plan: planned.summary });
  checkSpace(capture, space, planned.summary.neededBytes, needs);
  const replan = (lost: ReadonlySet<string>) => {
    const unpacked = new Map([...available.unpacked].filter(([chainId]) => !lost.has(chainId)));
    return planCapture(images, { ...available, unpacked }, form);
  };
  return { images, planned, replan, kept: { ...state, layers: available.onVolume, deeper } };
};
