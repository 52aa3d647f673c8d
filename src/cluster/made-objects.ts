import { type KubernetesObject, objectName } from '../manifests/object.ts';
import { ApiError, isTransient, PreloadError } from '../model/errors.ts';
import { COMPONENT_LABEL, INSTANCE_LABEL, removeCommand, USAGE_NAME } from '../model/names.ts';
import type { Cluster } from './connection.ts';
import { create, exists, remove } from './objects.ts';
import { poll } from './wait.ts';

/** The objects that one run created for its own use, so that it removes exactly those. */
export interface MadeObjects {
  create: (object: KubernetesObject) => Promise<KubernetesObject>;
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
  /** what is left, why, and the command that removes it; undefined if nothing is left */
  left?: string;
}

const REMOVAL_TIMEOUT = 60_000;

/** Creates an object that must not exist yet. Throws PreloadError with a remedy if it does. */
export const createNew = (cluster: Cluster, object: KubernetesObject): Promise<KubernetesObject> =>
  create(cluster, object).catch((error: unknown) => {
    throw error instanceof ApiError && error.reason === 'AlreadyExists' ? alreadyThere(object) : error;
  });

export const madeObjects = (cluster: Cluster): MadeObjects => {
  let made: KubernetesObject[] = [];
  return {
    // not abortable, since an object must be known once its creation has started
    create: async (object) => {
      const created = await createNew(cluster, object);
      made.push(created);
      return created;
    },
    all: () => made.toReversed(),
    remove: async ({ keep = [], until = new AbortController().signal } = {}) => {
      const chosen = made.filter((object) => !keep.includes(object)).reverse();
      const attempt = { isRefused: false };
      const outcomes = await Promise.all(
        chosen.map(async (object) => ({ object, problem: await removalProblem(cluster, object, until, attempt) })),
      );
      const left = outcomes.filter(({ problem }) => problem !== undefined);
      made = [...keep, ...left.map(({ object }) => object)];
      return {
        removed: outcomes.filter(({ problem }) => problem === undefined).map(({ object }) => objectName(object)),
        ...(left.length > 0 && {
          left: describeLeft(
            left.map(({ object }) => object),
            left[0]?.problem ?? '',
          ),
        }),
      };
    },
  };
};

/**
 * Removes `object` and waits until it is gone. Returns why that failed, or undefined. If the server refuses to remove one
 * object, the others are not waited for: a claim stays as long as its pod.
 */
const removalProblem = async (
  cluster: Cluster,
  object: KubernetesObject,
  until: AbortSignal,
  attempt: { isRefused: boolean },
): Promise<string | undefined> => {
  const signal = AbortSignal.timeout(REMOVAL_TIMEOUT);
  let isRequested = false;
  let problem = 'it is still being removed';
  const isGone = async (): Promise<true | undefined> => {
    if (!isRequested) await remove(cluster, object, { signal });
    isRequested = true;
    if (until.aborted || !(await exists(cluster, object, { signal }))) return true;
    if (attempt.isRefused) throw new PreloadError(problem);
    return undefined;
  };
  const tryAgain = (error: unknown): undefined => {
    if (until.aborted || !isTransient(error)) throw error;
    problem = (error as Error).message;
  };
  try {
    await poll(signal, () => isGone().catch(tryAgain));
    return undefined;
  } catch (error) {
    if (signal.aborted) return problem;
    attempt.isRefused = true;
    return (error as Error).message;
  }
};

const describeLeft = (objects: readonly KubernetesObject[], problem: string): string => {
  const names = objects.map(objectName).join(' ');
  const command = `kubectl delete -n ${objects[0]?.metadata.namespace} ${names}`;
  return `could not remove ${names}: ${problem}; remove ${objects.length > 1 ? 'them' : 'it'} with: ${command}`;
};

/** Returns the error for a snapshot whose name is taken. */
export const snapshotThere = (name: string, namespace: string): PreloadError =>
  new PreloadError(
    `volume snapshot "${name}" already exists in namespace "${namespace}"`,
    `choose another name; see: ${USAGE_NAME} status -n ${namespace}`,
  );

/** Returns the error for an object of a preload that already exists, with the command that removes it. */
export const alreadyThere = ({ kind, apiVersion, metadata }: KubernetesObject): PreloadError => {
  const { labels, name: ownName, namespace = '' } = metadata;
  if (kind === 'VolumeSnapshot') return snapshotThere(ownName, namespace);
  const name = labels?.[INSTANCE_LABEL] ?? ownName;
  const isVerify = labels?.[COMPONENT_LABEL] === 'verify';
  const check = isVerify ? '' : `see: ${USAGE_NAME} status ${name} -n ${namespace}; `;
  const idle = `if no ${isVerify ? 'verify' : 'create'} is running, remove what is left with`;
  return new PreloadError(
    `${objectName({ kind, apiVersion, metadata })} already exists: preload "${name}" is still being ${isVerify ? 'verified' : 'created'}, or an earlier run was interrupted`,
    `${check}${idle}: ${removeCommand(name, namespace, isVerify ? 'verify' : 'loader')}`,
  );
};
