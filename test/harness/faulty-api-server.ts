import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { certificate, createAuthority, issue, privateKey } from '../cluster/machine/pki.ts';
import { stopServer } from './stop-server.ts';

/** Stands in front of a real API server and answers some requests itself. Its clients are administrators. */
export interface FaultyApiServer {
  kubeconfig: string;
  /** decides about every request from now on */
  behave: (fault: Fault) => void;
  /** `METHOD path` of the requests that were not simply passed on */
  spoilt: string[];
  /** refuses connections, and ends those that there are */
  leave: () => Promise<void>;
  comeBack: () => Promise<void>;
  stop: () => Promise<void>;
}

/** What to answer instead of the server, or how to break the connection; undefined to pass the request on. */
export type Fault = (method: string, path: string) => Answer | Break | Detour | undefined;

/** Asks the server for another path instead. */
export interface Detour {
  path: string;
}

/**
 * `reset`: before the server gets the request; `lost`: the server does what it is asked, but its answer does not come back;
 * `cut`: half of its answer comes; `silent`: neither request nor answer go anywhere.
 */
export type Break = 'reset' | 'lost' | 'cut' | 'silent';

export interface Answer {
  code: number;
  reason: string;
  message: string;
  /** seconds */
  retryAfter?: number;
  /** instead of a Status with the reason and the message */
  body?: object;
  /** instead of a body, such as a log */
  text?: string;
  /** only half of it comes */
  isCut?: boolean;
}

export const UNAVAILABLE: Answer = { code: 503, reason: 'ServiceUnavailable', message: 'the server is restarting' };
export const FORBIDDEN: Answer = { code: 403, reason: 'Forbidden', message: 'a webhook denied the request' };
export const LEADER_CHANGED: Answer = { code: 500, reason: 'InternalError', message: 'etcdserver: leader changed' };

/** The answer of a server that has something else than a Kubernetes object. */
export const malformed = (body: object): Answer => ({ code: 200, reason: '', message: '', body });

/** `answer` for the first `times` requests that match `METHOD path`. */
export const at = (requests: RegExp, answer: Answer | Break, times = Number.POSITIVE_INFINITY): Fault => {
  let left = times;
  return (method, path) => {
    if (!requests.test(`${method} ${path}`) || left <= 0) return undefined;
    left -= 1;
    return answer;
  };
};

/** `admin` is the path of a kubeconfig as the test cluster writes them. */
export const startFaultyApiServer = async (admin: string): Promise<FaultyApiServer> => {
  const folder = await mkdtemp(join(tmpdir(), 'preload-faulty-api-'));
  await createAuthority(folder);
  await issue(folder, { name: 'server', addresses: ['IP:127.0.0.1'] });
  const { clusters, users } = JSON.parse(await readFile(admin, 'utf8'));
  const upstream = {
    url: clusters[0].cluster.server as string,
    ca: await readFile(clusters[0].cluster['certificate-authority']),
    cert: await readFile(users[0].user['client-certificate']),
    key: await readFile(users[0].user['client-key']),
  };
  const spoilt: string[] = [];
  let fault: Fault = () => undefined;
  const serve = (question: IncomingMessage, response: ServerResponse): void => {
    const { method = '', url = '' } = question;
    const answer = fault(method, url);
    if (!answer) {
      forward(question, response, upstream);
      return;
    }
    spoilt.push(`${method} ${url}`);
    if (typeof answer === 'string') breakOff(question, response, answer, upstream);
    else if ('path' in answer) forward(Object.assign(question, { url: answer.path }), response, upstream);
    else sendAnswer(response, answer);
  };
  const tls = {
    cert: await readFile(certificate(folder, 'server')),
    key: await readFile(privateKey(folder, 'server')),
  };
  const server = createServer(tls, serve);
  const listen = async (port: number): Promise<AddressInfo> => {
    await once(server.listen(port, '127.0.0.1'), 'listening');
    return server.address() as AddressInfo;
  };
  const address = await listen(0);
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, kubeconfigFor(address, certificate(folder, 'ca')));
  return {
    kubeconfig,
    spoilt,
    behave: (next) => {
      spoilt.length = 0;
      fault = next;
    },
    leave: () => stopServer(server),
    comeBack: async () => {
      await listen(address.port);
    },
    stop: async () => {
      await stopServer(server);
      await rm(folder, { recursive: true });
    },
  };
};

const kubeconfigFor = ({ port }: AddressInfo, authority: string): string =>
  JSON.stringify({
    clusters: [
      { name: 'faulty', cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority': authority } },
    ],
    users: [{ name: 'admin', user: { token: 'any' } }], // without credentials, kubectl would ask for a password
    contexts: [{ name: 'faulty', context: { cluster: 'faulty', user: 'admin' } }],
    'current-context': 'faulty',
  });

const sendAnswer = (response: ServerResponse, answer: Answer): void => {
  const { retryAfter, body, text, isCut, ...status } = answer;
  const headers = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
  const type = text === undefined ? 'application/json' : 'text/plain';
  response.writeHead(answer.code, { 'content-type': type, ...headers });
  const whole = text ?? JSON.stringify(body ?? { apiVersion: 'v1', kind: 'Status', status: 'Failure', ...status });
  if (isCut) sendHalf(response, Buffer.from(whole));
  else response.end(whole);
};

const sendHalf = (response: ServerResponse, whole: Buffer): void => {
  response.write(whole.subarray(0, whole.length / 2), () => response.destroy());
};

const breakOff = (question: IncomingMessage, response: ServerResponse, how: Break, upstream: Upstream): void => {
  if (how === 'silent') return;
  if (how === 'reset') {
    question.socket.destroy();
    return;
  }
  pass(question, response, upstream, (answer) => {
    const parts: Buffer[] = [];
    answer.on('data', (part) => parts.push(part));
    answer.on('end', () => {
      if (how === 'lost') question.socket.destroy();
      else sendHalf(response.writeHead(answer.statusCode ?? 500, withoutLength(answer)), Buffer.concat(parts));
    });
  });
};

const withoutLength = ({ headers: { 'content-length': _, ...headers } }: IncomingMessage) => headers;

interface Upstream {
  url: string;
  ca: Buffer;
  cert: Buffer;
  key: Buffer;
}

const forward = (question: IncomingMessage, response: ServerResponse, upstream: Upstream): void =>
  pass(question, response, upstream, (answer) => {
    response.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(response);
  });

const pass = (
  question: IncomingMessage,
  response: ServerResponse,
  { url, ...tls }: Upstream,
  receive: (answer: IncomingMessage) => void,
): void => {
  const { method, headers } = question;
  const passed = request(`${url}${question.url}`, { ...tls, method, headers: { ...headers, host: new URL(url).host } });
  passed.on('response', receive);
  passed.on('error', () => response.destroy());
  response.on('close', () => passed.destroy());
  question.pipe(passed);
};
