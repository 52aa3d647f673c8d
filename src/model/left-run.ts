import type { AnyObject } from './cluster-objects.ts';
import { DEADLINE_ANNOTATION, NEVER } from './names.ts';
import type { LoaderPod } from './pod-state.ts';

/** An object that a run created for its own use. */
interface LeftObject {
  metadata: AnyObject['metadata'];
  /** of a pod */
  state?: LoaderPod;
}

const DAY = 24 * 3600 * 1000; // longer than any run of versions that wrote no deadline

/** Whether the user wanted it to stay, with `create --keep`. */
export const isKept = (objects: readonly LeftObject[]): boolean =>
  objects.some((object) => deadlineText(object) === NEVER);

/** Why a run may not have ended yet; undefined if it has, so that what it left is of no use to it. `now` in milliseconds. */
export const whyInUse = (objects: readonly LeftObject[], now: number): string | undefined => {
  const running = objects.find(({ state }) => state && !hasEnded(state));
  if (running) return `pod/${running.metadata.name} has not ended`;
  const deadline = Math.max(...objects.map(deadlineOf));
  return deadline > now
    ? `its run may go on until ${new Date(deadline).toISOString().replace(/\.\d+/, '')}`
    : undefined;
};

/** A pod that has no node yet does nothing, and no deadline would ever end it. */
const hasEnded = ({ spec, status }: LoaderPod): boolean =>
  ['Succeeded', 'Failed'].includes(status?.phase ?? '') || spec.nodeName === undefined;

const deadlineText = ({ metadata }: LeftObject): string | undefined => metadata.annotations?.[DEADLINE_ANNOTATION];

const deadlineOf = (object: LeftObject): number => {
  const written = Date.parse(deadlineText(object) ?? '');
  if (Number.isFinite(written)) return written;
  const created = Date.parse(object.metadata.creationTimestamp ?? '');
  return (Number.isFinite(created) ? created : 0) + DAY;
};
