import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { certificate, privateKey } from '../cluster/machine/pki.ts';
import { run } from '../cluster/machine/run.ts';
import { stopServer } from '../harness/stop-server.ts';

interface FrontServer {
  port: number;
  /** paths of certificates */
  intermediate: string;
  own: string;
  stop: () => Promise<void>;
}

/**
 * A server in front of the API server at `target`, as Rancher is one: its certificate, for the name front.test, is from an
 * intermediate authority.
 */
export const startFrontServer = async (pki: string, target: string): Promise<FrontServer> => {
  await sign(pki, 'intermediate', 'ca', ['-extensions', 'authority']);
  await sign(pki, 'front', 'intermediate', ['-extensions', 'leaf', '-addext', 'subjectAltName=DNS:front.test']);
  const read = (path: string) => readFile(path, 'utf8');
  const [own, intermediate, ca] = ['front', 'intermediate', 'ca'].map((name) => certificate(pki, name)) as Three;
  const tls = { cert: (await read(own)) + (await read(intermediate)), key: await read(privateKey(pki, 'front')) };
  const upstreamTls = { ca: await read(ca) };
  const server = createServer(tls, (question, answer) => {
    const { method, headers } = question;
    const upstream = request(target + question.url, { method, headers, ...upstreamTls }, (response) => {
      answer.writeHead(response.statusCode ?? 500, response.headers);
      response.pipe(answer);
    });
    question.pipe(upstream);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, own, intermediate, stop: () => stopServer(server) };
};

type Three = [string, string, string];

const sign = async (pki: string, name: string, issuer: string, options: string[]): Promise<void> => {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', privateKey(pki, name)];
  const authority = ['-CA', certificate(pki, issuer), '-CAkey', privateKey(pki, issuer)];
  const subject = ['-subj', `/CN=${name}`, '-days', '3650', '-out', certificate(pki, name)];
  const config = ['-config', join(pki, 'pki/openssl.cnf')];
  await run(['openssl', 'req', '-x509', ...config, ...key, ...authority, ...subject, ...options]);
};
