import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

/** A server that answers with any bytes, whether they are HTTP or not. */
export interface RawServer {
  /** `127.0.0.1:PORT` */
  address: string;
  /** the first line of each request */
  asked: string[];
  stop(): Promise<void>;
}

/** Answers each request with what `answer` writes. */
export const startRawServer = async (answer: (socket: Socket, line: string) => void): Promise<RawServer> => {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (data) => {
      const [line = ''] = data.toString().split('\r\n');
      asked.push(line);
      answer(socket, line);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as { port: number }).port}`,
    asked,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
};

/** Calls `write` again and again, until the connection is closed. */
export const endlessly = (socket: Socket, milliseconds: number, write: () => void): void => {
  const timer = setInterval(write, milliseconds);
  socket.on('close', () => clearInterval(timer));
};
