import { join } from 'node:path';
import type { Component } from './components.ts';
import { stopDaemon } from './machine/daemons.ts';
import { answers } from './machine/probes.ts';
import { run } from './machine/run.ts';
import { type Cluster, writeAtomically } from './state.ts';

export const PRIVATE_USER = 'preload';
export const PRIVATE_PASSWORD = 'open-sesame';

export const openRegistry = ({ ports }: Cluster): string => `127.0.0.1:${ports.registry}`;
export const privateRegistry = ({ ports }: Cluster): string => `127.0.0.1:${ports.privateRegistry}`;

export const registries = (cluster: Cluster): Component[] => {
  return [
    registry(cluster, 'registry', openRegistry(cluster)),
    registry(cluster, 'private-registry', privateRegistry(cluster)),
  ];
};

/** Writes both registries' settings; the private one knows a single user. */
export const configureRegistries = async (cluster: Cluster): Promise<void> => {
  const passwords = join(cluster.folder, 'private-registry', 'htpasswd');
  await writeAtomically(passwords, await run(['htpasswd', '-Bbn', PRIVATE_USER, PRIVATE_PASSWORD]));
  await configure(cluster, 'registry', openRegistry(cluster), {});
  const htpasswd = { realm: 'private', path: passwords };
  await configure(cluster, 'private-registry', privateRegistry(cluster), { auth: { htpasswd } });
};

/** Takes both registries away; their data stays. */
export const stopRegistries = async (cluster: Cluster): Promise<void> => {
  await Promise.all(registries(cluster).map(({ name }) => stopDaemon(cluster, name)));
};

const registry = (cluster: Cluster, name: string, address: string): Component => {
  return {
    name,
    from: { packages: ['docker-registry', 'apache2-utils'] },
    argv: ['docker-registry', 'serve', configFile(cluster, name)],
    ready: () => answers(`http://${address}/v2/`, [200, 401]),
  };
};

const configFile = (cluster: Cluster, name: string): string => join(cluster.folder, name, 'config.json');

const configure = async (cluster: Cluster, name: string, address: string, extra: object): Promise<void> => {
  const config = {
    version: '0.1',
    log: { accesslog: { disabled: false }, level: 'info' },
    storage: { filesystem: { rootdirectory: join(cluster.folder, name, 'data') }, delete: { enabled: true } },
    http: { addr: address },
    ...extra,
  };
  await writeAtomically(configFile(cluster, name), JSON.stringify(config, null, 2)); // JSON is YAML
};
