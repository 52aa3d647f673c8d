import { createPrivateKey, randomUUID, sign, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { stopServer } from '../../harness/stop-server.ts';

/** Gives tokens for the registry it belongs to, as Docker's token protocol has it. */
export interface TokenServer {
  /** what a registry is configured with to trust it */
  auth: object;
  stop(): Promise<void>;
}

export interface TokenUsers {
  /** `user:password` pairs */
  logins: readonly string[];
  identityTokens: readonly string[];
  /** prefix of the repositories that anybody may pull */
  anonymous: string;
}

/** Signs with the key and certificate in these files; `authority` is the certificate's issuer. */
export const startTokenServer = async (
  files: { key: string; certificate: string; authority: string },
  users: TokenUsers,
): Promise<TokenServer> => {
  const key = createPrivateKey(await readFile(files.key));
  const certificate = new X509Certificate(await readFile(files.certificate));
  const issuer = 'test-issuer';
  const service = 'test-registry';

  const token = (access: object[]): string => {
    const now = Math.floor(Date.now() / 1000);
    const header = { typ: 'JWT', alg: 'ES256', x5c: [certificate.raw.toString('base64')] };
    const claims = {
      iss: issuer,
      sub: '',
      aud: service,
      exp: now + 60,
      nbf: now - 10,
      iat: now,
      jti: randomUUID(),
      access,
    };
    const text = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
  };

  const server = createServer(async (question, answer) => {
    const { searchParams } = new URL(question.url ?? '', 'http://server');
    const form = new URLSearchParams(Buffer.concat(await question.toArray()).toString());
    const [, name = ''] = (searchParams.get('scope') ?? form.get('scope') ?? '').split(':');
    const known = isKnown(users, question, form);
    if (known === false) return answer.writeHead(401).end('{"details":"incorrect username or password"}');
    const isGranted = known || name.startsWith(users.anonymous);
    const access = isGranted ? [{ type: 'repository', name, actions: ['pull'] }] : [];
    answer.end(JSON.stringify({ [form.size > 0 ? 'access_token' : 'token']: token(access) }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    auth: { token: { realm: `http://127.0.0.1:${port}/token`, service, issuer, rootcertbundle: files.authority } },
    stop: () => stopServer(server),
  };
};

/** Undefined for anonymous requests. */
const isKnown = (users: TokenUsers, { headers }: IncomingMessage, form: URLSearchParams): boolean | undefined => {
  const identityToken = form.get('refresh_token');
  if (identityToken) return users.identityTokens.includes(identityToken);
  const [, encoded] = (headers.authorization ?? '').split(' ');
  return encoded === undefined ? undefined : users.logins.includes(Buffer.from(encoded, 'base64').toString());
};
