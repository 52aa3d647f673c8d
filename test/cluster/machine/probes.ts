import { access, readFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { certificate } from './pki.ts';

/** Whether a GET is answered with one of the status codes; https is checked against the cluster's own authority. */
export const answers = async (url: string, codes: number[], folder?: string): Promise<boolean> => {
  const ca = folder ? await readFile(certificate(folder, 'ca')) : undefined;
  const request = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve) => {
    const call = request(url, { ca, agent: false, timeout: 1000 }, (response) => {
      response.resume();
      resolve(codes.includes(response.statusCode ?? 0));
    });
    call.on('error', () => resolve(false));
    call.on('timeout', () => call.destroy());
    call.end();
  });
};

/** Whether somebody listens on the unix socket. */
export const listens = async (socket: string): Promise<boolean> => {
  return new Promise((resolve) => {
    const connection = connect(socket, () => {
      connection.destroy();
      resolve(true);
    });
    connection.on('error', () => resolve(false));
  });
};

export const exists = async (path: string): Promise<boolean> => {
  return access(path).then(
    () => true,
    () => false,
  );
};
