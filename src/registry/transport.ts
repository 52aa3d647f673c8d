import { type Dispatcher, request } from 'undici';
import { TOOL } from '../model/names.ts';
import { discard, readPieces } from './body.ts';
import { createDispatchers } from './dispatchers.ts';
import { type AnswerHead, connectionFailure, RegistryFailure } from './failure.ts';
import type { HostTls } from './hosts.ts';
import { isNear } from './near.ts';
import type { Patience } from './persist.ts';

export interface Question {
  url: URL;
  tls: HostTls;
  /** the server that named `url`, if it is another one; unless it is near itself, it cannot lead to near addresses */
  namedBy?: URL;
  /** sent to every server, also after redirects */
  headers?: Record<string, string>;
  /** sent only to the server of `url`, such as credentials; dropped when redirected to another server */
  ownHeaders?: Record<string, string | string[]>;
  /** sent by POST; redirects are not followed */
  form?: URLSearchParams;
}

export interface Answer extends AnswerHead {
  /** throws RegistryFailure */
  body: AsyncIterable<Buffer>;
  /** from the server that was asked, not from one it redirected to */
  own: boolean;
  discard(): Promise<void>;
}

export interface Transport {
  /** Follows redirects. Throws RegistryFailure if no answer comes. */
  send(question: Question, signal: AbortSignal): Promise<Answer>;
  close(): Promise<void>;
}

const MAX_REDIRECTS = 5;

/** Sends requests like containerd on the node at `root`: through its proxies, with its trusted CAs. */
export const createTransport = async (
  root: string,
  environment: Readonly<Record<string, string>>,
  patience: Patience,
): Promise<Transport> => {
  const dispatchers = await createDispatchers(root, environment, patience);

  const send = async (question: Question, signal: AbortSignal): Promise<Answer> => {
    const { url, tls, headers, ownHeaders, form, namedBy = url } = question;
    let address = url;
    let own = true;
    for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
      const onlyFar = mustBeFar(address, namedBy);
      checkAddress(address, namedBy, onlyFar);
      const dispatcher = await dispatchers.find(address, own ? tls : { ...tls, client: [] }, onlyFar);
      const response = await answerOf(address, signal, {
        dispatcher,
        method: form ? 'POST' : 'GET',
        headers: { 'user-agent': TOOL, ...headers, ...(own && ownHeaders) },
        ...(form && { body: form.toString() }),
      });
      const target = form ? undefined : redirection(response);
      if (!target) return toAnswer(response, address, own, signal);
      await discard(response.body, patience);
      address = parseAddress(target, address);
      if (address.origin !== url.origin) own = false;
    }
    throw new RegistryFailure('final', `too many redirects from ${url.host}`);
  };

  const answerOf = async (
    address: URL,
    signal: AbortSignal,
    options: Parameters<typeof request<null>>[1],
  ): Promise<Dispatcher.ResponseData> => {
    // undici's own limit starts over with each informational response
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(TOO_LATE), patience.connect + patience.idle);
    const limits = { headersTimeout: patience.idle, bodyTimeout: patience.idle };
    try {
      return await request(address, { ...options, ...limits, signal: AbortSignal.any([signal, late.signal]) });
    } catch (error) {
      signal.throwIfAborted();
      throw connectionFailure(address.host, error as Error);
    } finally {
      clearTimeout(timer);
    }
  };

  const toAnswer = (
    { statusCode, headers, body }: Dispatcher.ResponseData,
    { host }: URL,
    own: boolean,
    signal: AbortSignal,
  ): Answer => ({
    status: statusCode,
    headers,
    body: readPieces(body, host, patience, signal),
    own,
    discard: () => discard(body, patience),
  });

  return { send, close: dispatchers.close };
};

const TOO_LATE = Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' });

/** Whether `namedBy` may lead only to far addresses. What is near itself, such as a registry on the node, may lead anywhere. */
const mustBeFar = ({ origin }: URL, namedBy: URL): boolean => origin !== namedBy.origin && !isNear(namedBy.hostname);

const checkAddress = ({ protocol, host, hostname }: URL, namedBy: URL, onlyFar: boolean): void => {
  if (!/^https?:$/.test(protocol)) throw new RegistryFailure('final', `${namedBy.host} refers to an invalid URL`);
  if (!onlyFar || !isNear(hostname)) return;
  throw new RegistryFailure('final', `${namedBy.host} refers to ${host}, an address that only the node itself may use`);
};

const redirection = ({ statusCode, headers }: Dispatcher.ResponseData): string | undefined =>
  [301, 302, 303, 307, 308].includes(statusCode) ? [headers.location].flat()[0] : undefined;

const parseAddress = (target: string, from: URL): URL => {
  if (URL.canParse(target, from)) return new URL(target, from);
  throw new RegistryFailure('final', `${from.host} redirected to an invalid URL`);
};
