import { type KubernetesObject, objectName } from '../manifests/object.ts';
import { ApiError, NameTaken } from '../model/errors.ts';
import {
  COMPONENT_LABEL,
  INSTANCE_LABEL,
  objectNames,
  removeCommand,
  resumeCommand,
  USAGE_NAME,
} from '../model/names.ts';
import type { Cluster } from './connection.ts';
import { create, findOwn } from './creation.ts';
import { remove } from './objects.ts';
import { afterRemoval, gone, hindranceOf, REMOVAL_PATIENCE } from './removal.ts';
import { isPassing } from './weather.ts';

/** The objects that one run created for its own use, so that it removes exactly those. */
export interface MadeObjects {
  create: (object: KubernetesObject) => Promise<KubernetesObject>;
  /** takes over an object of an interrupted run */
  adopt: (object: KubernetesObject) => void;
  /** leaves it to another object, which owns it from now on */
  handOver: (object: KubernetesObject) => void;
  /** the last one first */
  all: () => readonly KubernetesObject[];
  /** Tries to remove all of them; never throws. */
  remove: (options?: RemoveOptions) => Promise<Removal>;
}

interface RemoveOptions {
  keep?: readonly KubernetesObject[];
  /** aborted to stop waiting until they are gone */
  until?: AbortSignal;
}

interface Removal {
  /** `pod/web` */
  removed: string[];
  /** what is left, why, and the command that removes it: a message for each reason */
  left: string[];
}

const REQUEST_PATIENCE = 150_000; // API servers are upgraded meanwhile
const LAST_LOOK = 5000;

/** Creates an object that must not exist yet. Throws NameTaken with a remedy if it does. */
export const createNew = (cluster: Cluster, object: KubernetesObject, signal: AbortSignal): Promise<KubernetesObject> =>
  afterRemoval(cluster, object, signal, () => create(cluster, object, { signal })).catch((error: unknown) => {
    throw error instanceof ApiError && error.reason === 'AlreadyExists' ? alreadyThere(object) : error;
  });

/** `signal` ends the wait for a server that is away while objects are created. */
export const madeObjects = (cluster: Cluster, signal: AbortSignal): MadeObjects => {
  let made: KubernetesObject[] = [];
  return {
    create: async (object) => {
      try {
        const created = await createNew(cluster, object, signal);
        made.push(created);
        return created;
      } catch (error) {
        if (mayHaveBeenDone(error, signal)) made.push(object);
        throw error;
      }
    },
    adopt: (object) => {
      made.push(object);
    },
    handOver: (object) => {
      made = made.filter((other) => other !== object);
    },
    all: () => made.toReversed(),
    remove: async ({ keep = [], until } = {}) => {
      const chosen = made.filter((object) => !keep.includes(object)).reverse();
      const refused = new AbortController();
      const outcomes = await Promise.all(chosen.map((object) => removeOne(cluster, object, { until, refused })));
      const left = outcomes.filter(({ problem }) => problem !== undefined);
      made = [...keep, ...left.map(({ object }) => object)];
      return {
        removed: outcomes.filter(({ isRemoved }) => isRemoved).map(({ object }) => objectName(object)),
        left: await describeLeft(cluster, left),
      };
    },
  };
};

/** Whether the server may have done what was asked, although the request failed with `error`. */
export const mayHaveBeenDone = (error: unknown, { aborted }: AbortSignal): boolean => aborted || isPassing(error);

const PENDING = 'it is still being removed';

interface Outcome {
  object: KubernetesObject;
  isRemoved?: true;
  /** why it is left */
  problem?: string;
}

interface RemovalLimits {
  /** aborted to stop waiting until it is gone */
  until: AbortSignal | undefined;
  /** aborted once the server refuses to remove an object: the others are not waited for, as a claim stays as long as its pod */
  refused: AbortController;
}

const removeOne = async (
  cluster: Cluster,
  object: KubernetesObject,
  { until, refused }: RemovalLimits,
): Promise<Outcome> => {
  const isImpatient = until?.aborted ?? false;
  const ends = [until && !isImpatient ? until : []].flat();
  const requesting = AbortSignal.any([AbortSignal.timeout(REQUEST_PATIENCE), ...ends]);
  try {
    const own = object.metadata.uid ? object : await findOwn(cluster, object, { signal: requesting });
    if (!own) return { object };
    await remove(cluster, own, { signal: requesting });
    if (isImpatient) return { object, isRemoved: true };
    const waiting = AbortSignal.any([AbortSignal.timeout(REMOVAL_PATIENCE), ...ends]);
    const isGone = await gone(cluster, own, refused.signal, waiting).catch((error: unknown) => {
      if (!waiting.aborted) throw error;
      return until?.aborted;
    });
    return isGone ? { object, isRemoved: true } : { object, problem: PENDING };
  } catch (error) {
    if (!isPassing(error) && error instanceof ApiError) refused.abort();
    return { object, problem: requesting.aborted ? 'the API server did not answer' : (error as Error).message };
  }
};

/** What is left, and why: one message for all if the server refused to remove something, else one for each that hangs. */
const describeLeft = async (cluster: Cluster, outcomes: readonly Outcome[]): Promise<string[]> => {
  const refusal = outcomes.find(({ problem }) => problem !== PENDING);
  if (refusal) {
    const objects = outcomes.map(({ object }) => object);
    return [describeRefusal(objects, refusal.problem ?? '')];
  }
  const reasons = outcomes.map(({ object }) =>
    hindranceOf(cluster, object, AbortSignal.timeout(LAST_LOOK))
      .catch(() => undefined)
      .then((found) => (found ? `${found.problem}; ${found.remedy}` : describeRefusal([object], PENDING))),
  );
  return Promise.all(reasons);
};

const describeRefusal = (objects: readonly KubernetesObject[], problem: string): string => {
  const names = objects.map(objectName).join(' ');
  const command = `kubectl delete -n ${objects[0]?.metadata.namespace} ${names} --ignore-not-found`;
  return `could not remove ${names}: ${problem}; remove ${objects.length > 1 ? 'them' : 'it'} with: ${command}`;
};

/** Returns the error for a snapshot whose name is taken. */
export const snapshotThere = (name: string, namespace: string): NameTaken =>
  new NameTaken(
    `volume snapshot "${name}" already exists in namespace "${namespace}"`,
    `choose another name; see: ${USAGE_NAME} status -n ${namespace}`,
  );

/** Returns the error for an object of a preload that already exists, with the command that removes it. */
export const alreadyThere = ({ kind, apiVersion, metadata }: KubernetesObject): NameTaken => {
  const { labels, name: ownName, namespace = '' } = metadata;
  if (kind === 'VolumeSnapshot') return snapshotThere(ownName, namespace);
  const name = labels?.[INSTANCE_LABEL] ?? ownName;
  if (ownName === objectNames(name).record) {
    return new NameTaken(
      `${objectName({ kind, apiVersion, metadata })}, which would describe the preload, already exists`,
      `choose another name, or remove it with: kubectl delete configmap ${ownName} -n ${namespace}`,
    );
  }
  const isVerify = labels?.[COMPONENT_LABEL] === 'verify';
  const idle = `if no ${isVerify ? 'verify' : 'create'} is running, `;
  const isAlone = kind === 'Secret'; // whatever else a run leaves is found first
  const resume = isVerify || isAlone ? '' : `continue with: ${resumeCommand(name, namespace)}; or `;
  return new NameTaken(
    `${objectName({ kind, apiVersion, metadata })} already exists: preload "${name}" is still being ${isVerify ? 'verified' : 'created'}, or an earlier run was interrupted`,
    `${idle}${resume}remove what is left with: ${removeCommand(name, namespace, isVerify ? 'verify' : 'loader')}`,
  );
};
