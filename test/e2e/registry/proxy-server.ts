import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { stopServer } from '../../harness/stop-server.ts';

/** A proxy in front of a real registry that injects the faults it is told to. */
export interface ProxyServer {
  address: string;
  /** what was asked of it */
  requests: { url: string; headers: IncomingMessage['headers'] }[];
  /** decides about every request from now on; `pass` serves it as the registry would */
  behave: (behaviour: Behaviour) => void;
  stop(): Promise<void>;
}

export type Behaviour = (question: IncomingMessage, answer: ServerResponse, pass: Pass) => void;
export type Pass = (alter?: (body: Buffer) => Buffer, send?: Send) => void;
type Send = (answer: ServerResponse, body: Buffer) => void;

export const startProxy = async (target: string): Promise<ProxyServer> => {
  const requests: ProxyServer['requests'] = [];
  let behaviour: Behaviour = (_question, _answer, pass) => pass();
  const server = createServer((question, answer) => {
    requests.push({ url: question.url ?? '', headers: question.headers });
    behaviour(question, answer, (alter, send) => forward(target, question, answer, alter, send));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as { port: number }).port}`,
    requests,
    behave: (next) => {
      requests.length = 0;
      behaviour = next;
    },
    stop: () => stopServer(server),
  };
};

/** Behaves badly the first `times` times. */
export const first = (times: number, bad: Behaviour): Behaviour => {
  let left = times;
  return (question, answer, pass) => {
    left -= 1;
    if (left >= 0) bad(question, answer, pass);
    else pass();
  };
};

/** Answers with nothing else. */
export const status =
  (code: number, headers: Record<string, string> = {}): Behaviour =>
  (_question, answer) => {
    answer.writeHead(code, headers).end();
  };

/** Sends `bytes` bytes at a time, at a fixed interval in milliseconds. */
export const slowly =
  (bytes: number, milliseconds: number): Behaviour =>
  (_question, _answer, pass) =>
    pass(undefined, async (answer, body) => {
      for (let start = 0; start < body.length && !answer.destroyed; start += bytes) {
        answer.write(body.subarray(start, start + bytes));
        await sleep(milliseconds);
      }
      answer.end();
    });

const forward = (
  target: string,
  question: IncomingMessage,
  answer: ServerResponse,
  alter: (body: Buffer) => Buffer = (body) => body,
  send: Send = (answer, body) => answer.end(body),
): void => {
  const upstream = request(`http://${target}${question.url}`, { headers: { ...question.headers, host: target } });
  upstream.on('response', async (response) => {
    const body = alter(Buffer.concat(await response.toArray()));
    answer.writeHead(response.statusCode ?? 500, { ...response.headers, 'content-length': body.length });
    send(answer, body);
  });
  upstream.end();
};
