import * as v from 'valibot';
import { TOOL } from '../model/names.ts';
import { object, parse, parseJson } from '../model/parse.ts';
import { readAll } from './body.ts';
import type { Credential } from './docker-config.ts';
import { RegistryFailure, statusFailure } from './failure.ts';
import type { RegistryHost } from './hosts.ts';
import type { Question, Transport } from './transport.ts';

const MAX_TOKEN = 1024 * 1024;

const CREDENTIAL = v.nullish(v.pipe(v.string(), v.regex(/^[\x21-\x7e]*$/))); // goes into a header
const TOKEN = object({ token: CREDENTIAL, access_token: CREDENTIAL });

interface Login {
  host: RegistryHost;
  /** from the host */
  challenge: Challenge;
  /** `repository:library/nginx:pull`, unless the challenge has one */
  scope: string;
  /** anonymous without one */
  credential: Credential | undefined;
}

/** Returns the Authorization header; undefined if the login is refused. Throws RegistryFailure if the token server fails. */
export const authorizationFor = async (
  transport: Transport,
  { host, challenge, scope, credential }: Login,
  signal: AbortSignal,
): Promise<string | undefined> => {
  if (challenge.scheme === 'basic') return credential && basic(credential);
  if (!URL.canParse(challenge.realm))
    throw new RegistryFailure('final', `${host.server} specified an invalid token server`);
  const question = tokenQuestion(host, { scope, ...challenge }, credential);
  const answer = await transport.send(question, signal);
  const server = question.url.host;
  if (answer.status === 200) return bearer(await readAll(answer.body, server, MAX_TOKEN), server);
  await answer.discard();
  if (answer.status === 429 || answer.status >= 500) {
    throw statusFailure(server, 'a token', answer);
  }
  return undefined;
};

const tokenQuestion = (
  host: RegistryHost,
  { realm, service = '', scope }: { realm: string; service?: string; scope: string },
  credential: Credential | undefined,
): Question => {
  const url = new URL(realm);
  const namedBy = new URL(host.url);
  const isSame = url.origin === namedBy.origin;
  const ownHeaders = isSame ? host.headers : {};
  const tls = isSame ? host.tls : { ...host.tls, client: [] };
  if (credential?.identityToken) {
    const grant = { grant_type: 'refresh_token', client_id: TOOL, service, scope };
    const form = new URLSearchParams({ ...grant, refresh_token: credential.identityToken });
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return { url, namedBy, tls, headers, ownHeaders, form };
  }
  if (service) url.searchParams.set('service', service);
  for (const one of scope.split(' ')) url.searchParams.append('scope', one);
  const authorization = credential && basic(credential);
  return { url, namedBy, tls, ownHeaders: { ...ownHeaders, ...(authorization && { authorization }) } };
};

const basic = ({ username, password }: Credential): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

const bearer = (data: Buffer, server: string): string => {
  try {
    const { token, access_token: accessToken } = parse(TOKEN, parseJson(data.toString()));
    if (token || accessToken) return `Bearer ${token || accessToken}`;
  } catch {}
  throw new RegistryFailure('transient', `${server} did not return a token`);
};

/** How to log in to a registry, from its WWW-Authenticate header. */
export type Challenge = { scheme: 'basic' } | { scheme: 'bearer'; realm: string; service?: string; scope?: string };

// A scheme, or a parameter with its value. A part never begins before the end of the last one, so the time is linear.
const PART = /([^\s,"=]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+)))?/g;

/** Returns the preferred challenge in `header`, or undefined if it has no known one. */
export const parseChallenge = (header: string | string[] | undefined): Challenge | undefined => {
  const challenges = [header ?? []].flat().flatMap(challengesIn);
  return challenges.find(({ scheme }) => scheme === 'bearer') ?? challenges[0];
};

const challengesIn = (line: string): Challenge[] => {
  const found: { scheme: string; values: Map<string, string> }[] = [];
  for (const [, name = '', quoted, bare] of line.matchAll(PART)) {
    const value = quoted?.replace(/\\(.)/g, '$1') ?? bare;
    if (value === undefined) found.push({ scheme: name.toLowerCase(), values: new Map() });
    else found.at(-1)?.values.set(name.toLowerCase(), value);
  }
  return found.flatMap(({ scheme, values }): Challenge[] => {
    const [realm, service, scope] = [values.get('realm'), values.get('service'), values.get('scope')];
    if (scheme === 'basic') return [{ scheme }];
    if (scheme !== 'bearer' || !realm) return [];
    return [{ scheme, realm, ...(service && { service }), ...(scope && { scope }) }];
  });
};
