import { KubeConfig } from '@kubernetes/client-node';

/** Whether new credentials may be had for a user whose old ones were rejected: from a plugin or from a file. */
export const areRenewable = (config: KubeConfig): boolean => {
  const user = config.getCurrentUser();
  return Boolean(user?.exec ?? user?.authProvider);
};

/** The same configuration without any credentials in memory, so that the next request fetches them. */
export const withoutCachedCredentials = (config: KubeConfig): KubeConfig => {
  const { clusters, users, contexts, currentContext } = config;
  const fresh = new KubeConfig(); // client-node keeps credentials in the configuration, with no way to drop them
  fresh.loadFromOptions({ clusters, users, contexts, currentContext });
  return fresh;
};
