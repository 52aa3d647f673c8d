import { deeperLayers } from '../model/contents.ts';
import { PreloadError } from '../model/errors.ts';
import type { ResolvedImage } from '../model/image.ts';
import { type Available, type CapturePlan, planCapture } from '../model/plan.ts';
import { blobsOfNode } from './blobs.ts';
import { requiredFirst, withoutImpostors, withoutOversized } from './choose.ts';
import type { Capture, Planning } from './context.ts';
import { resolveImages } from './resolve.ts';
import { checkSpace, spaceOn } from './space.ts';
import { claimedSizes } from './unpacked.ts';
import { inspectVolume, reclaimable, type VolumeState } from './volume.ts';
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
  const { volume, report } = capture;
  const state = await inspectVolume(capture);
  const space = await spaceOn(volume, await reclaimable(volume, state));
  const { needs, ...plan } = await planOnto(capture, state, space.free.bytes);
  report({ type: 'plan', plan: plan.planned.summary });
  checkSpace(capture, space, plan.planned.summary, needs);
  return plan;
};

/** Plans the capture onto a volume that is as in `state` and has `free` bytes. Throws PreloadError if it cannot succeed. */
export const planOnto = async (
  capture: Planning,
  state: VolumeState,
  free: number,
): Promise<PlannedCapture & { needs: ReadonlyMap<ResolvedImage, number> }> => {
  const { request, form, node, report } = capture;
  for (const { name, reason } of unusableNames(request, node)) report({ type: 'skipped', name, reason });
  const found = await resolveImages(capture, wantedImages(request, node.images, node.config.sandbox));
  const deeper = new Set([...node.deeper, ...state.deeper, ...deeperLayers(found)]);
  const genuine = requiredFirst(withoutImpostors(capture, found, deeper));
  const there = {
    unpacked: node.unpacked,
    copy: request.copy,
    blobs: await blobsOfNode(node, genuine),
    onVolume: request.copy ? state.layers : state.layers.intersection(state.fromBlobs),
    blobsOnVolume: state.blobs,
  };
  const available: Available = { ...there, claims: await claimedSizes(capture, genuine, there) };
  const needs = new Map(genuine.map((image) => [image, planCapture([image], available, form).summary.neededBytes]));
  const images = withoutOversized(capture, needs, free);
  if (images.length === 0) throw new PreloadError(NOTHING);
  const planned = planCapture(images, available, form);
  const replan = (lost: ReadonlySet<string>) => {
    const unpacked = new Map([...available.unpacked].filter(([chainId]) => !lost.has(chainId)));
    return planCapture(images, { ...available, unpacked }, form);
  };
  return { images, planned, replan, kept: { ...state, layers: available.onVolume, deeper }, needs };
};
