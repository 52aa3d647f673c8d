import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.ts';

/** The name is the common name and names the files; addresses are `IP:…` or `DNS:…`. */
export interface Identity {
  name: string;
  organization?: string;
  addresses?: string[];
}

const OPENSSL_CONFIG = `
[req]
distinguished_name = subject
[subject]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
`;

export const certificate = (folder: string, name: string): string => join(folder, 'pki', `${name}.crt`);
export const privateKey = (folder: string, name: string): string => join(folder, 'pki', `${name}.key`);

/** Makes the cluster's own certificate authority in FOLDER/pki. */
export const createAuthority = async (folder: string): Promise<void> => {
  await mkdir(join(folder, 'pki'), { recursive: true });
  await writeFile(configFile(folder), OPENSSL_CONFIG);
  await request(folder, 'ca', ['-extensions', 'authority', '-subj', '/CN=kubectl-preload-test']);
};

export const issue = async (folder: string, { name, organization, addresses }: Identity): Promise<void> => {
  const subject = `${organization ? `/O=${organization}` : ''}/CN=${name}`;
  const names = addresses ? ['-addext', `subjectAltName=${addresses.join(',')}`] : [];
  const authority = ['-CA', certificate(folder, 'ca'), '-CAkey', privateKey(folder, 'ca')];
  await request(folder, name, [...authority, '-extensions', 'leaf', '-subj', subject, ...names]);
};

/** Forgets a certificate. */
export const forget = async (folder: string, name: string): Promise<void> => {
  await rm(certificate(folder, name), { force: true });
  await rm(privateKey(folder, name), { force: true });
};

const configFile = (folder: string): string => join(folder, 'pki', 'openssl.cnf');

const request = async (folder: string, name: string, options: string[]): Promise<void> => {
  const key = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    privateKey(folder, name),
  ];
  const out = ['-days', '3650', '-out', certificate(folder, name)];
  await run(['openssl', 'req', '-x509', '-config', configFile(folder), ...key, ...out, ...options]);
};
