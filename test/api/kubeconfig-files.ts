import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ApiServer } from '../cluster/control-plane/api-server.ts';
import { certificate, issue, privateKey } from '../cluster/machine/pki.ts';

/** Path of the kubeconfig `name`; each has a folder to itself. */
export const configPath = (folder: string, name: string): string => join(folder, name, 'config');

/** Kubeconfigs that share names, with credentials of two API servers beside them. */
export const writeConfigs = async (folder: string, east: ApiServer, west: ApiServer): Promise<void> => {
  const write = async (name: string, config: object | string) => {
    const path = configPath(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, typeof config === 'string' ? config : JSON.stringify(config));
  };

  // two clusters made by kubeadm, which uses the same names for every cluster
  const prod = await adminConfig(join(folder, 'prod'), 'prod', 'kubernetes', 'paula', east);
  await write('prod', { ...prod, 'current-context': 'kubernetes-admin@kubernetes' });
  const dev = await adminConfig(join(folder, 'dev'), 'dev', 'kubernetes', 'dora', west);
  await write('dev', { ...dev, 'current-context': 'dev' });

  // neither a cluster nor a current context
  const context = { cluster: 'kubernetes', user: 'kubernetes-admin', namespace: 'extra' };
  await write('extra', {
    users: [{ name: 'kubernetes-admin', user: { tokenFile: 'token' } }],
    contexts: [{ name: 'kubernetes-admin@kubernetes', context }],
  });
  await writeFile(join(folder, 'extra/token'), await token(east, 'extra'));

  // names that none of those have
  const lab = await adminConfig(join(folder, 'lab'), 'lab', 'lab', 'lara', west);
  await write('lab', { ...lab, 'current-context': 'lab' });
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: './login', interactiveMode: 'Never' };
  await write('login', { users: [{ name: 'lab-admin', user: { exec } }] });
  const status = { token: (await token(west, 'login')).trim() };
  const credential = JSON.stringify({ apiVersion: exec.apiVersion, kind: 'ExecCredential', status });
  await writeFile(join(folder, 'login/login'), `#!/bin/sh\necho '${credential}'\n`, { mode: 0o755 });

  const cluster = { server: await address(east), 'certificate-authority': '../../prod/pki/ca.crt' };
  await write('home/.kube', {
    ...{ 'current-context': 'home', clusters: [{ name: 'home', cluster }] },
    users: [{ name: 'home', user: { token: 'wrong', tokenFile: '../../extra/token' } }],
    contexts: [{ name: 'home', context: { cluster: 'home', user: 'home', namespace: 'home' } }],
  });

  // entries that lack what later files have
  await write('bare', { clusters: [{ name: 'kubernetes', cluster: {} }] });
  await write('partial', { users: [{ name: 'kubernetes-admin', user: { token: 'wrong' } }] });
  await write('moon', { 'current-context': 'moon' });
  await write('empty', '');
  await write('comment', '# nothing yet\n');
  await write(
    'twofold',
    'current-context: dev\ncurrent-context: kubernetes-admin@kubernetes\n---\ncurrent-context: dev\n',
  );

  await write('broken', 'current-context: [');
  await write('prose', 'hello');
  await write('twins', { users: [{ name: 'kubernetes-admin', user: {} }, { name: 'kubernetes-admin' }] });
  await write('number', { clusters: [{ name: 1 }] });
  await mkdir(configPath(folder, 'folder'), { recursive: true });
};

/** The entries of a cluster and its admin, with an authority and a client certificate that are relative to `folder`. */
const adminConfig = async (folder: string, name: string, cluster: string, commonName: string, server: ApiServer) => {
  const source = join(server.kubeconfig, '../..');
  await issue(source, { name: commonName });
  await mkdir(join(folder, 'pki'), { recursive: true });
  await copyFile(certificate(source, 'ca'), join(folder, 'pki/ca.crt'));
  await copyFile(certificate(source, commonName), join(folder, 'pki/user.crt'));
  await copyFile(privateKey(source, commonName), join(folder, 'pki/user.key'));
  const user = `${cluster}-admin`;
  return {
    clusters: [{ name: cluster, cluster: { server: await address(server), 'certificate-authority': 'pki/ca.crt' } }],
    users: [{ name: user, user: { 'client-certificate': './pki/user.crt', 'client-key': 'pki/user.key' } }],
    contexts: [
      { name: `${user}@${cluster}`, context: { cluster, user, namespace: `${name}-main` } },
      { name, context: { cluster, user, namespace: `${name}-own` } },
    ],
  };
};

const address = async ({ kubeconfig }: ApiServer): Promise<string> =>
  JSON.parse(await readFile(kubeconfig, 'utf8')).clusters[0].cluster.server;

const token = async ({ kubectl }: ApiServer, name: string): Promise<string> => {
  await kubectl(['create', 'serviceaccount', name]);
  return kubectl(['create', 'token', name, '--duration=1h']);
};
