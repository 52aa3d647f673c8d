import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensurePackages } from '../../cluster/machine/apt.ts';
import { freePorts } from '../../cluster/machine/ports.ts';
import { answers } from '../../cluster/machine/probes.ts';
import { run } from '../../cluster/machine/run.ts';
import { until } from '../../cluster/machine/until.ts';

const PACKAGES = ['apache2-utils', 'docker-registry', 'openssl'];

/** A docker-registry that serves images on the loopback interface. */
export interface RegistryServer {
  /** `127.0.0.1:PORT` */
  address: string;
  log(): Promise<string>;
  stop(): Promise<void>;
}

/** Several registries may serve the same images from `FOLDER/data`; `name` tells their other files apart. */
export const startRegistry = async (
  folder: string,
  name: string,
  settings: { auth?: object; tls?: object } = {},
): Promise<RegistryServer> => {
  await ensurePackages(PACKAGES, console.error);
  await mkdir(folder, { recursive: true });
  const [port] = await freePorts(1);
  const address = `127.0.0.1:${port}`;
  const [configFile, logFile] = [join(folder, `${name}.json`), join(folder, `${name}.log`)];
  const { tls, ...rest } = settings;
  const config = {
    version: '0.1',
    log: { level: 'info' },
    storage: { filesystem: { rootdirectory: join(folder, 'data') } },
    http: { addr: address, ...(tls && { tls }) },
    ...rest,
  };
  await writeFile(configFile, JSON.stringify(config)); // JSON is YAML
  const log = openSync(logFile, 'w');
  const server = spawn('docker-registry', ['serve', configFile], { stdio: ['ignore', log, log] });
  closeSync(log);
  const listens = () => answers(`http://${address}/v2/`, [200, 400, 401]); // 400: it speaks TLS
  await until(`registry ${name}`, async () => server.exitCode !== null || (await listens()));
  if (server.exitCode !== null) throw new Error(await readFile(logFile, 'utf8'));
  return {
    address,
    log: () => readFile(logFile, 'utf8'),
    stop: async () => {
      const gone = once(server, 'exit');
      server.kill();
      await gone;
    },
  };
};

/** Settings of a registry that lets in nobody but the user `preload`; they need a file in `folder`. */
export const passwordAuth = async (folder: string, password: string) => {
  await ensurePackages(PACKAGES, console.error);
  const path = join(folder, 'htpasswd');
  await writeFile(path, await run(['htpasswd', '-Bbn', 'preload', password]));
  return { htpasswd: { realm: 'test', path } };
};
