import { type KubernetesObject, objectName } from '../manifests/object.ts';
import { ApiError, PreloadError } from '../model/errors.ts';
import { COMPONENT_LABEL, INSTANCE_LABEL, removeCommand, USAGE_NAME } from '../model/name.ts';
import type { Cluster } from './connection.ts';
import { create, exists, remove } from './objects.ts';
import { poll } from './poll.ts';

/** The objects one run has made, so that exactly those can be removed again. */
export interface MadeObjects {
  create: (object: KubernetesObject) => Promise<KubernetesObject>;
  /** removes all but `kept` and, unless told not to, waits until they are gone; returns their names */
  remove: (kept?: readonly KubernetesObject[], wait?: boolean) => Promise<string[]>;
}

const REMOVAL_TIMEOUT = 60_000;

export const madeObjects = (cluster: Cluster): MadeObjects => {
  let made: KubernetesObject[] = [];
  return {
    // Not abortable: an object whose creation is under way must be known afterwards.
    create: async (object) => {
      const created = await create(cluster, object).catch((error: unknown) => {
        throw error instanceof ApiError && error.reason === 'AlreadyExists' ? alreadyThere(object) : error;
      });
      made.push(created);
      return created;
    },
    remove: async (kept = [], wait = true) => {
      const chosen = made.filter((object) => !kept.includes(object)).reverse();
      made = [...kept];
      const signal = AbortSignal.timeout(REMOVAL_TIMEOUT);
      try {
        for (const object of chosen) await remove(cluster, object, { signal });
        for (const object of wait ? chosen : []) {
          await poll(signal, async () => ((await exists(cluster, object, { signal })) ? undefined : true));
        }
      } catch (error) {
        const names = chosen.map(objectName).join(' ');
        throw new PreloadError(
          `could not remove ${names}: ${(error as Error).message}`,
          `kubectl delete -n ${chosen[0]?.metadata.namespace} ${names}`,
          error,
        );
      }
      return chosen.map(objectName);
    },
  };
};

/** Says that an object of the same name as the one of a preload to be made is there, and how to get rid of it. */
export const alreadyThere = ({ kind, apiVersion, metadata }: KubernetesObject): PreloadError => {
  const { labels, name: ownName, namespace = '' } = metadata;
  const name = labels?.[INSTANCE_LABEL] ?? ownName;
  const isVerify = labels?.[COMPONENT_LABEL] === 'verify';
  const see = isVerify ? '' : `see: ${USAGE_NAME} status -n ${namespace}; `;
  return new PreloadError(
    `${objectName({ kind, apiVersion, metadata })} exists: preload "${name}" is being ${isVerify ? 'verified' : 'created'}, or its last run was cut off`,
    `${see}to remove what is left: ${removeCommand(name, namespace, isVerify ? 'verify' : 'loader')}`,
  );
};
