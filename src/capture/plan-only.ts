import { formOf } from '../model/layout.ts';
import type { CaptureRequest } from '../model/request.ts';
import { PATIENCE } from '../registry/persist.ts';
import type { PlanOptions } from './context.ts';
import { planOnto } from './plan.ts';
import { nodeStore, registryOf } from './sources.ts';
import { EMPTY } from './volume.ts';

const BUDGET = 20_000; // for images that can be skipped; a plan without them is better than none
const LONGEST = 30_000;
const HASTY = { ...PATIENCE, tries: 2 };

/** Reports what the capture of the images of `request` onto a new volume needs. Changes nothing. Throws PreloadError. */
export const planWithoutVolume = async (request: CaptureRequest, given: PlanOptions): Promise<void> => {
  const signal = AbortSignal.any([given.signal, AbortSignal.timeout(LONGEST)]);
  // the loader will report the rest, perhaps with more luck
  const options = { ...given, signal, report: () => {} };
  const quick = { ...request, budget: Math.min(request.budget ?? BUDGET, BUDGET) };
  const node = await nodeStore(quick, options);
  const registry = await registryOf(node, options, HASTY);
  try {
    const { planned } = await planOnto({ ...options, request: quick, node, registry, form: formOf(request) }, EMPTY, 0);
    given.report({ type: 'plan', plan: planned.summary });
  } finally {
    await registry.close();
  }
};
