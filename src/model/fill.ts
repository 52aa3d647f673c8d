import * as v from 'valibot';
import { PLUGIN } from './names.ts';
import { LINE, object } from './parse.ts';

/** Startup taint of nodes that must have the images before pods come. */
export const STARTUP_TAINT = `${PLUGIN}/not-ready`;

/** Label of the nodes that have the images of a set. */
export const filledLabel = (set: string): string => `${PLUGIN}/${set}`;
export const FILLED = 'done';

/** A node with all that its taints have, because a change replaces them all. */
export const TAINTED_NODE = object({
  metadata: object({ name: LINE, resourceVersion: LINE }),
  spec: v.nullish(object({ taints: v.nullish(v.array(v.looseObject({ key: LINE })), []) }), {}),
});

export type TaintedNode = v.InferOutput<typeof TAINTED_NODE>;

/** What changes once the node has the images: a merge patch, valid only if nobody else has changed the node meanwhile. */
export const fillingPatch = ({ metadata, spec }: TaintedNode, set: string): object => {
  const taints = spec?.taints ?? [];
  const kept = taints.filter(({ key }) => key !== STARTUP_TAINT);
  return {
    metadata: { resourceVersion: metadata.resourceVersion, labels: { [filledLabel(set)]: FILLED } },
    ...(kept.length < taints.length && { spec: { taints: kept } }),
  };
};
