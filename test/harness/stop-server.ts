import { once } from 'node:events';
import type { Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';

/** Closes the server and all its connections; returns when they are closed. */
export const stopServer = async (server: Server | TlsServer): Promise<void> => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
};
