import { type Dispatcher, request } from 'undici';
import { TOOL } from '../model/names.ts';
import { createDispatchers } from './dispatchers.ts';
import { type AnswerHead, connectionFailure, RegistryFailure } from './failure.ts';
import type { HostTls } from './hosts.ts';
import type { Patience } from './persist.ts';

export interface Question {
  url: URL;
  tls: HostTls;
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
export const createTransport = async (root: string, patience: Patience): Promise<Transport> => {
  const dispatchers = await createDispatchers(root, patience);

  const send = async ({ url, tls, headers, ownHeaders, form }: Question, signal: AbortSignal): Promise<Answer> => {
    let address = url;
    let own = true;
    for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
      const dispatcher = await dispatchers.find(address, own ? tls : { ...tls, client: [] });
      const response = await withConnectionFailure(address, signal, () =>
        request(address, {
          dispatcher,
          signal,
          method: form ? 'POST' : 'GET',
          headers: { 'user-agent': TOOL, ...headers, ...(own && ownHeaders) },
          ...(form && { body: form.toString() }),
          headersTimeout: patience.idle,
          bodyTimeout: patience.idle,
        }),
      );
      const target = form ? undefined : redirection(response);
      if (!target) return toAnswer(response, address, own, signal);
      await response.body.dump();
      address = parseAddress(target, address);
      if (address.origin !== url.origin) own = false;
    }
    throw new RegistryFailure('final', `too many redirects from ${url.host}`);
  };
  return { send, close: dispatchers.close };
};

const redirection = ({ statusCode, headers }: Dispatcher.ResponseData): string | undefined =>
  [301, 302, 303, 307, 308].includes(statusCode) ? [headers.location].flat()[0] : undefined;

const parseAddress = (target: string, from: URL): URL => {
  if (URL.canParse(target, from)) {
    const address = new URL(target, from);
    if (/^https?:$/.test(address.protocol)) return address;
  }
  throw new RegistryFailure('final', `${from.host} redirected to an invalid URL`);
};

const toAnswer = (
  { statusCode, headers, body }: Dispatcher.ResponseData,
  address: URL,
  own: boolean,
  signal: AbortSignal,
): Answer => ({
  status: statusCode,
  headers,
  body: withBodyFailure(body, address, signal),
  own,
  discard: () => body.dump(),
});

const withBodyFailure = async function* (
  body: AsyncIterable<Buffer>,
  address: URL,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  try {
    yield* body;
  } catch (error) {
    signal.throwIfAborted();
    throw connectionFailure(address.host, error as Error);
  }
};

const withConnectionFailure = async <T>(address: URL, signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    throw connectionFailure(address.host, error as Error);
  }
};

/** Returns the whole body. Throws RegistryFailure if it has more than `limit` bytes. */
export const readBody = async ({ body }: Answer, server: string, limit: number): Promise<Buffer> => {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of body) {
    size += part.length;
    if (size > limit) throw new RegistryFailure('corrupt', `${server} returned more than ${limit} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
};
