import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lie } from './table-registry.ts';

/** What a kubelet would run. */
const POD = 'apiVersion: v1\nkind: Pod\n';
const SIZE = 1_000_000;

export const says =
  (content: string | Buffer, headers: Record<string, string | number> = {}): Lie =>
  (answer) =>
    answer.writeHead(200, headers).end(content);

export const answers =
  (status: number, headers: Record<string, string> = {}): Lie =>
  (answer) =>
    answer.writeHead(status, headers).end();

/** Asks for a token from `realm`, a path of the registry or a URL, whatever it gets. */
export const wantsToken =
  (realm: string): Lie =>
  (answer, _pass, { headers: { host } }) => {
    const url = realm.startsWith('/') ? `http://${host}${realm}` : realm;
    answer.writeHead(401, { 'www-authenticate': `Bearer realm="${url}",service="registry"` }).end();
  };

/** What came before the end would stay. */
export const endsEarly: Lie = (answer) => {
  answer.writeHead(200, { 'content-length': SIZE });
  answer.write(POD, () => answer.socket?.end());
};

/** Sends slowly, so that the data is on disk for a while before it turns out to be wrong. */
export const trickles: Lie = async (answer) => {
  answer.writeHead(200);
  for (let times = 0; times < 20 && !answer.destroyed; times += 1) {
    answer.write(POD);
    await sleep(100);
  }
  answer.end();
};

/** Sends without an end, and without saying how much. */
export const neverEnds: Lie = (answer) => {
  answer.writeHead(200);
  Readable.from(endless()).pipe(answer);
};

const endless = function* () {
  const part = Buffer.alloc(64 * 1024, POD);
  for (;;) yield part;
};

export const noHttp: Lie = (answer) => answer.socket?.end('220 mail.example.com ESMTP\r\n');
