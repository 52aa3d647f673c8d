import { readFileSync, statSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import type { Environment } from '../net/proxy.ts';
import type { Fields } from './kubeconfig.ts';

const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';
const TOKEN = join(FOLDER, 'token');
const CA = join(FOLDER, 'ca.crt');

/** A pod's own service account, as the entries of a kubeconfig. */
interface PodAccount {
  cluster: Fields;
  user: Fields;
  namespace: string;
}

/** Returns what kubectl uses in a pod if no kubeconfig names a cluster; undefined outside of pods. */
export const podAccount = (environment: Environment): PodAccount | undefined => {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port, POD_NAMESPACE } = environment;
  if (!host || !port || !isFile(TOKEN)) return undefined;
  const cluster = { server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}` };
  return {
    cluster: isFile(CA) ? { ...cluster, 'certificate-authority': CA } : cluster,
    user: { tokenFile: TOKEN },
    namespace: POD_NAMESPACE || ownNamespace() || 'default',
  };
};

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;

const ownNamespace = (): string => {
  const path = join(FOLDER, 'namespace');
  return isFile(path) ? readFileSync(path, 'utf8').trim() : '';
};
