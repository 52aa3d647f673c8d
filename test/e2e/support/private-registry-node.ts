import { startAll } from '../../cluster/components.ts';
import { stopDaemon } from '../../cluster/machine/daemons.ts';
import type { ContainerdVersion } from '../../cluster/node/config.ts';
import { kubeletAndPlugins, kubeletName } from '../../cluster/node/daemons.ts';
import { type NodeRecord, readNode } from '../../cluster/node/record.ts';
import { type Cluster, readCluster, STATE } from '../../cluster/state.ts';
import { addNode, kubectl, onNode } from './commands.ts';
import type { PrivateRegistries } from './private-registries.ts';

/** Where the node's credential provider notes what it was asked. */
export const ASKED = '/var/log/credential-provider';

const PROVIDERS = '/etc/kubernetes/credential-providers.json';
const PROGRAMS = '/opt/credential-providers';

/** Boots a node that is configured for the registries for which pull secrets are not enough. */
export const addPrivateRegistryNode = async (
  name: string,
  containerd: ContainerdVersion,
  { provided, secure, authority }: PrivateRegistries,
  password: string,
): Promise<void> => {
  await addNode(name, containerd);
  const answer = {
    apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
    kind: 'CredentialProviderResponse',
    cacheKeyType: 'Registry',
    cacheDuration: '0s',
    auth: { [provided]: { username: 'preload', password } },
  };
  const provider = {
    name: 'test-provider',
    apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
    matchImages: [provided],
    defaultCacheDuration: '0s',
  };
  const config = {
    apiVersion: 'kubelet.config.k8s.io/v1',
    kind: 'CredentialProviderConfig',
    providers: [provider],
  };
  const certs = `/etc/containerd/certs.d/${secure.replace(/:(.*)/, '_$1_')}`;
  for (const [path, text] of Object.entries({
    [`${certs}/hosts.toml`]: `[host."https://${secure}"]\n  ca = "authority.pem"\n`,
    [`${certs}/authority.pem`]: authority,
    [PROVIDERS]: JSON.stringify(config),
    '/etc/kubernetes/credential-answer.json': JSON.stringify(answer),
    [`${PROGRAMS}/test-provider`]: `#!/bin/sh\ncat >>${ASKED}\nexec cat /etc/kubernetes/credential-answer.json\n`,
  })) {
    const write = 'mkdir -p "$(dirname "$1")"; printf %s "$2" >"$1"; chmod 755 "$1"';
    await onNode(name, ['sh', '-euc', write, 'sh', path, text]);
  }
  const flags = [`--image-credential-provider-config=${PROVIDERS}`, `--image-credential-provider-bin-dir=${PROGRAMS}`];
  await restartKubelet(name, flags);
};

const restartKubelet = async (name: string, flags: readonly string[]): Promise<void> => {
  const cluster = (await readCluster(STATE)) as Cluster;
  await stopDaemon(cluster, kubeletName(name));
  const components = await kubeletAndPlugins(cluster, (await readNode(cluster, name)) as NodeRecord);
  const kubelet = components.filter((component) => component.name === kubeletName(name));
  await startAll(
    cluster,
    kubelet.map((component) => ({ ...component, argv: [...component.argv, ...flags] })),
  );
  await kubectl(['wait', '--for=condition=Ready', '--timeout=60s', `node/${name}`]);
};
