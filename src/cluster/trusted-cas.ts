import { X509Certificate } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { platform } from 'node:os';
import { delimiter, join } from 'node:path';
import { getCACertificates } from 'node:tls';
import { CA_BUNDLES, CA_FOLDERS } from '../net/ca-files.ts';
import type { Environment } from '../net/proxy.ts';

/** Returns the certificates in PEM `text`. Like Go, ignores everything else. */
export const certificatesIn = (text: string): string[] =>
  (text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []).filter(isCertificate);

const isCertificate = (pem: string): boolean => {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
};

/**
 * Returns the certificates that Go programs trust on this machine. Not Node's list of the system on Linux: it looks only
 * where Debian keeps them.
 */
export const systemCas = async ({ SSL_CERT_FILE, SSL_CERT_DIR }: Environment): Promise<string[]> => {
  if (platform() !== 'linux') return getCACertificates('system');
  const bundle = await readFirst(SSL_CERT_FILE ? [SSL_CERT_FILE] : CA_BUNDLES);
  const folders = await Promise.all((SSL_CERT_DIR ? SSL_CERT_DIR.split(delimiter) : CA_FOLDERS).map(readFolder));
  return [...new Set([bundle, ...folders.flat()].flatMap(certificatesIn))];
};

const readFirst = async (paths: readonly string[]): Promise<string> => {
  for (const path of paths) {
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text !== undefined) return text;
  }
  return '';
};

const readFolder = async (folder: string): Promise<string[]> => {
  const names = await readdir(folder).catch(() => []);
  return Promise.all(names.map((name) => readFile(join(folder, name), 'utf8').catch(() => '')));
};
