import type { Cluster } from '../../cluster/connection.ts';
import { readPullSecrets } from '../../cluster/pull-secrets.ts';
import { loaderSecrets } from '../../manifests/loader.ts';
import type { KubernetesObject } from '../../manifests/object.ts';
import type { RequestedImage } from '../../model/image.ts';
import { version } from '../../version.ts';
import { neededLogins } from './logins.ts';

interface Wanted {
  name: string;
  images: readonly RequestedImage[];
  /** the loader also captures the images in its node's cache, whose names only it will know */
  cache: boolean;
  /** whether images were named; otherwise they are those of workloads */
  isNamed: boolean;
  /** `namespace/name` of the pull secrets of all workloads */
  pullSecrets: ReadonlySet<string>;
  /** `namespace/name` of the service accounts of all workloads */
  serviceAccounts: ReadonlySet<string>;
}

interface PlannedSecrets {
  secrets: KubernetesObject[];
  /** where their logins come from: `namespace/name` */
  logins: string[];
}

/** Returns Secrets for the loader with the logins that fit both the registry and a namespace of an image to capture. */
export const planSecrets = async (
  cluster: Cluster,
  { name, images, cache, isNamed, pullSecrets, serviceAccounts }: Wanted,
  signal: AbortSignal,
): Promise<PlannedSecrets> => {
  const { namespace } = cluster;
  const namespaces = new Set([...images.flatMap((image) => image.namespaces), ...(cache ? [namespace] : [])]);
  const isUsed = (path: string): boolean => namespaces.has(path.split('/')[0] ?? '');
  const own = isNamed || cache ? [`${namespace}/default`] : [];
  const accounts = new Set([...own, ...[...serviceAccounts].filter(isUsed)]);
  const found = await readPullSecrets(cluster, [...pullSecrets].filter(isUsed), accounts, signal);
  const needs = { images, ...(cache && { wholeNamespace: namespace }) };
  const needed = neededLogins(found, needs, cluster.warn);
  const logins = needed.flatMap(({ secrets }) => secrets.map(({ namespace, name }) => `${namespace}/${name}`));
  return { secrets: loaderSecrets({ name, namespace, version }, needed), logins };
};
