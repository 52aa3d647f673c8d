import type { ImageSource } from '../model/image.ts';
import { repository } from '../model/image-reference.ts';
import { findDaemon, flagOf, type NodeDaemon } from '../node/daemons.ts';
import { readNodeFile } from '../node/files.ts';
import { type ConfigEntry, type Credential, matchingCredentials, parseDockerConfig } from './docker-config.ts';
import type { Patience } from './persist.ts';
import { pluginCredentials } from './plugins.ts';

export interface PullSecret {
  namespace: string;
  name: string;
  /** its JSON text, in either format that the kubelet accepts */
  config: string;
}

/** Yields the credentials to try for an image, in order. Runs credential providers only if the others do not work. */
export type Credentials = (image: ImageSource, signal: AbortSignal) => AsyncGenerator<Credential>;

const KUBELET_FOLDER = '/var/lib/kubelet';

/** Returns credentials from pull secrets, followed by those of the kubelet on the node at `root`. */
export const createCredentials = async (
  root: string,
  pullSecrets: readonly PullSecret[],
  patience: Patience,
  report: (warning: string) => void,
): Promise<Credentials> => {
  const secrets = pullSecrets.map(({ namespace, name, config }) => ({
    namespace,
    entries: readConfig(config, `pull secret ${namespace}/${name}`, report),
  }));
  const kubelet = (await findDaemon(root, 'kubelet', KUBELET_FOLDER)) ?? { argv: [], environment: {} };
  const nodeEntries = await nodeConfig(root, kubelet, report);
  const plugins = await pluginCredentials(root, kubelet, patience, report);

  return async function* ({ source, namespaces }, signal) {
    const name = repository(source);
    const usable = secrets.filter(({ namespace }) => namespaces.includes(namespace));
    yield* matchingCredentials(
      usable.flatMap(({ entries }) => entries),
      name,
    );
    yield* matchingCredentials(nodeEntries, name);
    yield* plugins(name, signal);
  };
};

const nodeConfig = async (
  root: string,
  kubelet: NodeDaemon,
  report: (warning: string) => void,
): Promise<ConfigEntry[]> => {
  const folder = flagOf(kubelet, '--root-dir') ?? KUBELET_FOLDER;
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
