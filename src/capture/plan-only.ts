import { formOf } from '../model/layout.ts';
import type { CaptureRequest } from '../model/request.ts';
import { PATIENCE } from '../registry/persist.ts';
import type { PlanOptions } from './context.ts';
import { planOnto } from './plan.ts';
import { nodeStore, registryOf } from './sources.ts';
import { EMPTY, type VolumeState } from './volume.ts';

const BUDGET = 20_000; // for images that can be skipped; a plan without them is better than none
const LONGEST = 30_000;
const HASTY = { ...PATIENCE, tries: 2 };

/** Reports what the capture of the images of `request` adds to its volume. Changes nothing. Throws PreloadError. */
export const planWithoutVolume = async (request: CaptureRequest, given: PlanOptions): Promise<void> => {
  const signal = AbortSignal.any([given.signal, AbortSignal.timeout(LONGEST)]);
  // the loader will report the rest, perhaps with more luck
  const options = { ...given, signal, report: () => {} };
  const quick = { ...request, budget: Math.min(request.budget ?? BUDGET, BUDGET) };
  const node = await nodeStore(quick, options);
  const registry = await registryOf(node, options, HASTY);
  try {
    const planning = { ...options, request: quick, node, registry, form: formOf(request) };
    const { planned } = await planOnto(planning, stateOf(request), 0);
    given.report({ type: 'plan', plan: planned.summary });
  } finally {
    await registry.close();
  }
};

const stateOf = ({ base }: CaptureRequest): VolumeState => {
  if (!base) return EMPTY;
  const layers = new Set(base.layers);
  return { ...EMPTY, layers, fromBlobs: layers, blobs: new Set(base.blobs) };
};
