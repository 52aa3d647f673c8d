import { type Dispatcher, request } from 'undici';
import { TOOL } from '../model/names.ts';
import { createDispatchers } from './dispatchers.ts';
import { type AnswerHead, connectionFailure, RegistryFailure } from './failure.ts';
import type { HostTls } from './hosts.ts';
import type { Patience } from './persist.ts';

export interface Question {
  url: URL;
  tls: HostTls;
  /** for whoever answers in the end */
  headers?: Record<string, string>;
  /** for the server of `url` alone, such as credentials: dropped when it sends us to another */
  ownHeaders?: Record<string, string | string[]>;
  /** to POST; goes nowhere else */
  form?: URLSearchParams;
}

export interface Answer extends AnswerHead {
  /** throws RegistryFailure */
  body: AsyncIterable<Buffer>;
  /** the server that was asked answered itself */
  own: boolean;
  discard(): Promise<void>;
}

export interface Transport {
  /** Follows redirections. Throws RegistryFailure where no answer comes. */
  send(question: Question, signal: AbortSignal): Promise<Answer>;
  close(): Promise<void>;
}

const MAX_REDIRECTS = 5;

/** Asks servers as the containerd of the node at `root` would: through its proxies, trusting whom it trusts. */
export const createTransport = async (root: string, patience: Patience): Promise<Transport> => {
  const dispatchers = await createDispatchers(root, patience);

  const send = async ({ url, tls, headers, ownHeaders, form }: Question, signal: AbortSignal): Promise<Answer> => {
    let [address, own] = [url, true];
    for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
      const dispatcher = await dispatchers.find(address, own ? tls : { ...tls, client: [] });
      const response = await named(address, signal, () =>
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
      own &&= address.origin === url.origin;
    }
    throw new RegistryFailure('final', `${url.host} sends us round in circles`);
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
  throw new RegistryFailure('final', `${from.host} sends us to an address that is none`);
};

const toAnswer = (
  { statusCode, headers, body }: Dispatcher.ResponseData,
  address: URL,
  own: boolean,
  signal: AbortSignal,
): Answer => ({
  status: statusCode,
  headers,
  body: readable(body, address, signal),
  own,
  discard: () => body.dump(),
});

async function* readable(body: AsyncIterable<Buffer>, address: URL, signal: AbortSignal): AsyncGenerator<Buffer> {
  try {
    yield* body;
  } catch (error) {
    signal.throwIfAborted();
    throw connectionFailure(address.host, error as Error);
  }
}

const named = async <T>(address: URL, signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    throw connectionFailure(address.host, error as Error);
  }
};

/** All that `server` answers, at most `limit` bytes. */
export const readBody = async ({ body }: Answer, server: string, limit: number): Promise<Buffer> => {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of body) {
    size += part.length;
    if (size > limit) throw new RegistryFailure('corrupt', `${server} answers with more than ${limit} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
};
