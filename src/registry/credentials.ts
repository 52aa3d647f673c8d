import type { ImageSource } from '../model/image.ts';
import { repository } from '../model/image-reference.ts';
import type { RegistrySettings } from '../node/containerd-config.ts';
import { daemonsOf, flagOf, type NodeDaemon } from '../node/daemons.ts';
import { readNodeFile } from '../node/files.ts';
import {
  type ConfigEntry,
  type Credential,
  configEntries,
  matchingCredentials,
  parseDockerConfig,
} from './docker-config.ts';
import type { Patience } from './persist.ts';
import { pluginCredentials } from './plugins.ts';

export interface PullSecret {
  namespace: string;
  name: string;
  /** its JSON text, in either format that the kubelet accepts */
  config: string;
}

/**
 * Yields the credentials to try at `server` for an image, in order. Runs credential providers only if the others do not
 * work.
 */
export type Credentials = (image: ImageSource, server: string, signal: AbortSignal) => AsyncGenerator<Credential>;

const KUBELETS = ['kubelet', 'kubelite', 'k3s-server', 'k3s-agent']; // microk8s and k3s have their own programs
const KUBELET_FOLDER = '/var/lib/kubelet';

/** Returns credentials from pull secrets, followed by those of the kubelet and containerd on the node at `root`. */
export const createCredentials = async (
  root: string,
  pullSecrets: readonly PullSecret[],
  servers: RegistrySettings['servers'],
  patience: Patience,
  report: (warning: string) => void,
): Promise<Credentials> => {
  const secrets = pullSecrets.map(({ namespace, name, config }) => ({
    namespace,
    entries: readConfig(config, `pull secret ${namespace}/${name}`, report),
  }));
  const kubelet = (await daemonsOf(root, KUBELETS))[0] ?? { pid: 0, argv: [], environment: {} };
  const nodeEntries = await nodeConfig(root, kubelet, report);
  const plugins = await pluginCredentials(root, kubelet, patience, report);
  const ofContainerd = Object.entries(servers).flatMap(([server, { auth }]) =>
    auth ? configEntries({ [server]: auth }, `the login for ${server} in the node's containerd`) : [],
  );

  return async function* ({ source, namespaces }, server, signal) {
    const name = repository(source);
    const usable = secrets.filter(({ namespace }) => namespaces.includes(namespace));
    yield* matchingCredentials(
      usable.flatMap(({ entries }) => entries),
      name,
    );
    yield* matchingCredentials(nodeEntries, name);
    for (const { pattern, credential } of ofContainerd) if (pattern === server) yield credential;
    yield* plugins(name, signal);
  };
};

const nodeConfig = async (
  root: string,
  kubelet: NodeDaemon,
  report: (warning: string) => void,
): Promise<ConfigEntry[]> => {
  const folder = flagOf(kubelet.argv, '--root-dir') ?? KUBELET_FOLDER;
  for (const file of [`${folder}/config.json`, '/root/.docker/config.json', '/.docker/config.json']) {
    const text = await readNodeFile(root, file);
    if (text !== undefined) return readConfig(text, `${file} on the node`, report);
  }
  return [];
};

const readConfig = (text: string, source: string, report: (warning: string) => void): ConfigEntry[] => {
  try {
    return parseDockerConfig(text, source);
  } catch (error) {
    report((error as Error).message);
    return [];
  }
};
