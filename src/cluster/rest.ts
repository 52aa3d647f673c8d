import { fetch, type Response } from 'undici';
import * as v from 'valibot';
import { ApiError, PreloadError } from '../model/errors.ts';
import { LINE, object, parse, parseJson, plain, TEXT } from '../model/parse.ts';
import type { Cluster } from './connection.ts';

interface ApiRequest {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  query?: Record<string, string | undefined>;
  body?: unknown;
  contentType?: string;
  signal?: AbortSignal;
  /** the answer is a stream that may stay open, so it has no timeout */
  streaming?: boolean;
}

/**
 * Sends one request with the kubeconfig's credentials. Does not use client-node's typed clients: they cannot be
 * aborted, hide the server's Warning headers, and take seconds to convert the lists of a large cluster.
 */
export const send = async (cluster: Cluster, path: string, request: ApiRequest = {}): Promise<Response> => {
  const { method = 'GET', query = {}, body, contentType = 'application/json', signal, streaming } = request;
  const url = new URL(cluster.server + path);
  for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, value);
  const dispatcher = await cluster.authenticate();
  const signals = [signal ?? [], streaming ? [] : AbortSignal.timeout(cluster.requestTimeout)].flat();
  const response = await fetch(url, {
    method,
    headers: { accept: 'application/json', 'content-type': contentType },
    dispatcher,
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signals.length > 0 && { signal: AbortSignal.any(signals) }),
  }).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw connectionError(error, cluster);
  });
  for (const warning of warnings(response.headers.get('warning'))) cluster.warn(warning);
  if (!response.ok) throw await apiError(response);
  return response;
};

/** Returns the JSON of the answer, which is as the server wrote it. */
export const sendForJson = async (cluster: Cluster, path: string, request?: ApiRequest): Promise<unknown> => {
  const response = await send(cluster, path, request);
  const text = await response.text().catch((error: unknown) => {
    request?.signal?.throwIfAborted();
    throw connectionError(error, cluster);
  });
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(0, '', `The server ${hostOf(cluster)} did not answer with JSON - is it an API server?`);
  }
};

const hostOf = ({ server }: Cluster): string => new URL(server).host;

/** Returns the texts with code 299 in a Warning header. */
const warnings = (header: string | null): string[] =>
  [...(header ?? '').matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) =>
    plain(text.replace(/\\(.)/g, '$1')),
  );

const apiError = async (response: Response): Promise<Error> => {
  const text = await response.text();
  const { reason, message } = parseStatus(text);
  if (response.status === 401) {
    return new PreloadError(
      'You must be logged in to the server (Unauthorized)',
      'check the credentials of the current context',
    );
  }
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN) * 1000; // API servers send seconds
  return new ApiError(
    response.status,
    reason ?? response.statusText,
    message ?? parse(TEXT, text.trim()),
    Number.isNaN(retryAfter) ? undefined : retryAfter,
  );
};

const STATUS = object({ reason: v.nullish(LINE), message: v.nullish(TEXT) });

const parseStatus = (text: string): v.InferOutput<typeof STATUS> => {
  try {
    return parse(STATUS, parseJson(text));
  } catch {
    return {};
  }
};

const connectionError = (error: unknown, cluster: Cluster): Error => {
  const host = hostOf(cluster);
  const cause = ((error as Error).cause ?? error) as NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] };
  const code = cause.code ?? cause.errors?.[0]?.code;
  if (code === 'ECONNREFUSED') {
    return new ApiError(
      0,
      '',
      `The connection to the server ${host} was refused - did you specify the right host or port?`,
    );
  }
  if (cause.name === 'TimeoutError') {
    return new PreloadError(`the server ${host} did not answer in time`, cluster.remedies.slow);
  }
  // without Node's advice on its own flags
  const reason = cause.message.replace(/; if the root CA is installed locally.*/, '');
  return new ApiError(0, '', `Unable to connect to the server ${host}: ${reason}`);
};
