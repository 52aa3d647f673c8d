import { once } from 'node:events';
import { createServer as createHttp, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Ports of 127.0.0.1: a proxy leads every name there, as names mean something only in its network. */
export interface Targets {
  https: number;
  http: number;
}

export interface LoggingProxy {
  port: number;
  /** what it forwarded, such as `CONNECT api.test:443` */
  forwarded: string[];
  stop: () => void;
}

/** An HTTP proxy; with `tls`, an HTTPS proxy. */
export const startHttpProxy = async (targets: Targets, tls?: { cert: Buffer; key: Buffer }): Promise<LoggingProxy> => {
  const forwarded: string[] = [];
  const note = ({ method, url, headers }: IncomingMessage) => {
    const login = headers['proxy-authorization'];
    forwarded.push([...(login ? [login] : []), method, url].join(' '));
  };
  const forward = (question: IncomingMessage, answer: ServerResponse) => {
    note(question);
    const { pathname, search } = new URL(question.url ?? '');
    const { method, headers } = question;
    const to = { host: '127.0.0.1', port: targets.http, path: pathname + search, method, headers };
    const upstream = request(to, (response) => {
      answer.writeHead(response.statusCode ?? 500, response.headers);
      response.pipe(answer);
    });
    question.pipe(upstream);
  };
  const server: Server = tls ? createHttps(tls, forward) : createHttp(forward);
  server.on('connect', (question: IncomingMessage, socket: Duplex) => {
    note(question);
    tunnel(socket, targets.https, () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, forwarded, stop };
};

/** A SOCKS5 proxy without a login. */
export const startSocksProxy = async (targets: Targets): Promise<LoggingProxy> => {
  const forwarded: string[] = [];
  const server = createServer(async (socket) => {
    socket.on('error', () => {});
    await once(socket, 'data'); // the ways to log in that it offers
    socket.write(Buffer.from([5, 0]));
    const [wish] = (await once(socket, 'data')) as [Buffer];
    const { name, port } = destination(wish);
    forwarded.push(`SOCKS ${name}:${port}`);
    tunnel(socket, port === 80 ? targets.http : targets.https, () =>
      socket.write(Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 0])),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, forwarded, stop: () => server.close() };
};

const NAME = 3;

/** RFC 1928: version, command, zero, type of the address, the address, the port. */
const destination = (wish: Buffer): { name: string; port: number } => {
  const port = wish.readUInt16BE(wish.length - 2);
  if (wish[3] === NAME) return { name: wish.subarray(5, -2).toString(), port };
  return { name: [...wish.subarray(4, -2)].join('.'), port };
};

const tunnel = (socket: Socket | Duplex, port: number, ready: () => void): void => {
  const upstream = connect(port, '127.0.0.1', () => {
    ready();
    upstream.pipe(socket).pipe(upstream);
  });
  for (const end of [upstream, socket]) end.on('error', () => end.destroy());
};
