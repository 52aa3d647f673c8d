import type { ImageSource } from '../model/image.ts';
import { repository } from '../model/image-reference.ts';
import type { Credentials } from './credentials.ts';
import type { Credential } from './docker-config.ts';
import { RegistryFailure, statusFailure } from './failure.ts';
import type { RegistryHost } from './hosts.ts';
import { authorizationFor, type Challenge, parseChallenge } from './token.ts';
import type { Answer, Question, Transport } from './transport.ts';

/** A request to one of an image's hosts. */
export interface Request {
  host: RegistryHost;
  image: ImageSource;
  /** `manifests/latest` or `blobs/sha256:…` */
  path: string;
  headers?: Record<string, string>;
}

/** Returns answers with status 200, 206 or 416. Throws RegistryFailure for all others. */
type Ask = (request: Request, signal: AbortSignal) => Promise<Answer>;

/** Sends requests and logs in if a host requires it. Reports rejected credentials as warnings. */
export const createAsk = (transport: Transport, credentials: Credentials, report: (warning: string) => void): Ask => {
  const accepted = new Map<string, string>();

  return async (request, signal) => {
    const { host, image, path } = request;
    const { server } = host;
    const name = repository(image.source);
    const scope = `repository:${image.source.path}:pull`;
    const key = [host.url, image.source.path, ...image.namespaces].join(' ');
    const send = (authorization?: string) => transport.send(questionOf(request, authorization), signal);

    // like containerd, use the registry's credentials for its mirrors too
    const attempts = async function* ({ scheme }: Challenge): AsyncGenerator<Credential | undefined> {
      yield* credentials(image, server, signal);
      if (scheme === 'bearer') yield undefined;
    };

    const logIn = async (challenge: Challenge): Promise<Answer> => {
      const refused: string[] = [];
      for await (const credential of attempts(challenge)) {
        const authorization = await authorizationFor(transport, { host, challenge, scope, credential }, signal);
        const answer = authorization ? await send(authorization) : undefined;
        if (answer && authorization && !isRefusal(answer)) {
          accepted.set(key, authorization);
          return answer;
        }
        await answer?.discard();
        if (!credential) continue;
        refused.push(credential.source);
        report(`${server} rejected ${credential.source}`);
      }
      throw refusal(
        server,
        refused.length > 0
          ? `rejected ${refused.join(', ')} for ${name}; update ${refused.length > 1 ? 'them' : 'it'}`
          : `requires credentials for ${name}; add a pull secret in a namespace that uses it`,
      );
    };

    let answer = await send(accepted.get(key));
    if (isRefusal(answer) && accepted.delete(key)) {
      await answer.discard();
      answer = await send();
    }
    if (isRefusal(answer)) {
      const challenge = parseChallenge(answer.headers['www-authenticate']);
      await answer.discard();
      if (!challenge) throw refusal(server, `denied access to ${name}; ask the registry's administrator`);
      answer = await logIn(challenge);
    }
    if ([200, 206, 416].includes(answer.status)) return answer;
    await answer.discard();
    if (answer.own) throw statusFailure(server, `${image.source.path}/${path}`, answer);
    throw new RegistryFailure('transient', `${server} redirected to a server that answered ${answer.status}`);
  };
};

const questionOf = ({ host, image, path, headers = {} }: Request, authorization?: string): Question => {
  const { domain, path: name } = image.source;
  const url = new URL(`${host.url}/${name}/${path}`);
  const isUpstream = [domain, domain.replace(/^docker\.io$/, 'registry-1.docker.io')].includes(url.host);
  if (!isUpstream) url.searchParams.set('ns', domain);
  return { url, tls: host.tls, headers, ownHeaders: { ...host.headers, ...(authorization && { authorization }) } };
};

const isRefusal = ({ status, own }: Answer): boolean => own && (status === 401 || status === 403);

const refusal = (server: string, complaint: string): RegistryFailure =>
  new RegistryFailure('final', `${server} ${complaint}, or check the name`);
