import { join } from 'node:path';
import { certificate, type Identity, issue, privateKey } from '../machine/pki.ts';
import { run } from '../machine/run.ts';
import { writeAtomically } from '../state.ts';

export const kubeconfig = (folder: string, user: string): string => join(folder, 'kubeconfig', user);

/** Issues a client certificate and writes the kubeconfig that uses it. */
export const createUser = async (folder: string, port: number, identity: Identity): Promise<void> => {
  const user = identity.name;
  await issue(folder, identity);
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'preload',
        cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority': certificate(folder, 'ca') },
      },
    ],
    users: [
      { name: user, user: { 'client-certificate': certificate(folder, user), 'client-key': privateKey(folder, user) } },
    ],
    contexts: [{ name: 'preload', context: { cluster: 'preload', user } }],
    'current-context': 'preload',
  };
  await writeAtomically(kubeconfig(folder, user), JSON.stringify(config, null, 2));
};

/** Runs kubectl with these arguments, and a manifest on stdin, to its stdout. */
export type Kubectl = (args: string[], input?: string) => Promise<string>;

export const kubectlAs = (folder: string, user: string, binary: string): Kubectl => {
  return (args, input) => run([binary, '--kubeconfig', kubeconfig(folder, user), ...args], input ? { input } : {});
};
