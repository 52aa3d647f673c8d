import { mkdir } from 'node:fs/promises';
import { certificate, createAuthority, issue, privateKey } from '../../cluster/machine/pki.ts';
import { run } from '../../cluster/machine/run.ts';
import { sample } from '../../harness/sample.ts';
import { passwordAuth, type RegistryServer, startRegistry } from '../registry/server.ts';

/** Registries with the same images that accept the user `preload`; they differ in where a node gets the password. */
export interface PrivateRegistries {
  /** by pull secrets */
  locked: string;
  /** by its credential provider */
  provided: string;
  /** by pull secrets, with a certificate of an authority of its own */
  secure: string;
  /** of that authority, PEM */
  authority: string;
  stop(): Promise<void>;
}

/** `images` are names of the sample set by names here. */
export const startPrivateRegistries = async (
  folder: string,
  password: string,
  images: Readonly<Record<string, string>>,
): Promise<PrivateRegistries> => {
  await mkdir(folder, { recursive: true });
  await createAuthority(folder);
  await issue(folder, { name: 'server', addresses: ['IP:127.0.0.1'] });
  const auth = await passwordAuth(folder, password);
  const tls = { certificate: certificate(folder, 'server'), key: privateKey(folder, 'server') };
  const open = await startRegistry(folder, 'open');
  for (const [name, original] of Object.entries(images)) await copyImage(sample(original), `${open.address}/${name}`);
  await open.stop();
  const started: RegistryServer[] = [];
  const start = async (name: string, settings: object): Promise<string> => {
    const registry = await startRegistry(folder, name, settings);
    started.push(registry);
    return registry.address;
  };
  return {
    locked: await start('locked', { auth }),
    provided: await start('provided', { auth }),
    secure: await start('secure', { auth, tls }),
    authority: await run(['cat', certificate(folder, 'ca')]),
    stop: async () => {
      for (const { stop } of started) await stop();
    },
  };
};

const copyImage = (from: string, to: string): Promise<string> =>
  run(['skopeo', 'copy', '--src-tls-verify=false', '--dest-tls-verify=false', `docker://${from}`, `docker://${to}`]);
