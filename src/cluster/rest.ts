import { fetch, type Response } from 'undici';
import * as v from 'valibot';
import { AnswerTimeout, AnswerTooLarge, ApiError, BrokenAnswer, PreloadError, Unauthorized } from '../model/errors.ts';
import { LINE, object, parse, parseJson, plain, TEXT } from '../model/parse.ts';
import { formatBytes } from '../model/units.ts';
import type { Access } from './access.ts';
import type { Cluster } from './connection.ts';
import { persist } from './weather.ts';

interface ApiRequest {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  query?: Record<string, string | undefined>;
  body?: unknown;
  contentType?: string;
  signal?: AbortSignal;
  /** of the answer; no limit by default */
  maxBytes?: number;
  /** whether it has the same effect twice, so that it may be sent again; by default all but POST */
  isRepeatable?: boolean;
}

/** Returns the JSON of the answer, which is as the server wrote it. Repeats the request while the server is away. */
export const sendForJson = (cluster: Cluster, path: string, request: ApiRequest = {}): Promise<unknown> => {
  const { method, isRepeatable = method !== 'POST', signal } = request;
  const attempt = () => requestJson(cluster, path, request);
  return isRepeatable ? persist(cluster, signal, attempt) : attempt();
};

const requestJson = async (cluster: Cluster, path: string, request: ApiRequest): Promise<unknown> => {
  const { signal } = request;
  const limit = AbortSignal.timeout(cluster.requestTimeout);
  const limited = { ...request, signal: signal ? AbortSignal.any([signal, limit]) : limit };
  try {
    const response = await authorized(cluster, path, limited);
    const text = await textOf(response, request.maxBytes);
    const answer: unknown = JSON.parse(text);
    cluster.weather.isKnown = true;
    return answer;
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof SyntaxError ? notJson(cluster) : failureOf(error, cluster);
  }
};

/** Stops reading, and throws AnswerTooLarge, as soon as the answer has more than `most` bytes. */
const textOf = async (response: Response, most = Number.POSITIVE_INFINITY): Promise<string> => {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    bytes += chunk.length;
    if (bytes > most) throw new AnswerTooLarge(`an object of the cluster has more than ${formatBytes(most)}`);
  }
  return text + decoder.decode();
};

interface StreamRequest {
  query: Record<string, string>;
  signal: AbortSignal;
  /** milliseconds without a byte after which the connection counts as broken */
  idle: number;
}

/** Yields the lines of an answer that may stay open. Throws if it breaks, without repeating the request. */
export const sendForLines = async function* (
  cluster: Cluster,
  path: string,
  { query, signal, idle }: StreamRequest,
): AsyncGenerator<string> {
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(new DOMException('silence', 'TimeoutError')), idle);
  try {
    const request = { query, signal: AbortSignal.any([signal, silence.signal]) };
    const response = await authorized(cluster, path, request);
    let rest = '';
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      timer.refresh();
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw failureOf(error, cluster);
  } finally {
    clearTimeout(timer);
  }
};

/** Sends a request, and once more with new credentials if the server rejects those that have been in use. */
const authorized = async (cluster: Cluster, path: string, request: ApiRequest): Promise<Response> => {
  const access = await cluster.authenticate();
  try {
    return await sendOnce(cluster, access, path, request);
  } catch (error) {
    if (!(error instanceof Unauthorized)) throw error;
    const renewed = await cluster.authenticate(access);
    if (renewed === access) throw error;
    cluster.warn('the API server rejected the credentials; trying again with new ones');
    return sendOnce(cluster, renewed, path, request);
  }
};

/**
 * Sends one request. Does not use client-node's typed clients: they cannot be aborted, hide the server's Warning headers,
 * and take seconds to convert the lists of a large cluster.
 */
const sendOnce = async (cluster: Cluster, access: Access, path: string, request: ApiRequest): Promise<Response> => {
  const { method = 'GET', query = {}, body, contentType = 'application/json', signal } = request;
  const url = new URL(cluster.server + path);
  for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, value);
  const response = await fetch(url, {
    method,
    headers: { accept: 'application/json', 'content-type': contentType },
    dispatcher: access,
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
  });
  for (const warning of warnings(response.headers.get('warning'))) cluster.warn(warning);
  if (response.ok) return response;
  throw await apiError(response, cluster);
};

const VERSION = object({ gitVersion: LINE });

/** Returns the version of the API server, such as `v1.33.1`. */
export const serverVersion = async (cluster: Cluster, signal: AbortSignal): Promise<string> =>
  parse(VERSION, await sendForJson(cluster, '/version', { signal })).gitVersion;

const hostOf = ({ server }: Cluster): string => new URL(server).host;

const notJson = (cluster: Cluster): ApiError =>
  new ApiError(0, '', `The server ${hostOf(cluster)} did not answer with JSON - is it an API server?`);

/** Returns the texts with code 299 in a Warning header. */
const warnings = (header: string | null): string[] =>
  [...(header ?? '').matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) =>
    plain(text.replace(/\\(.)/g, '$1')),
  );

const apiError = async (response: Response, { weather }: Cluster): Promise<Error> => {
  const text = await response.text();
  const { reason, message } = parseStatus(text);
  if (response.status < 500 || message) weather.isKnown = true; // a load balancer without servers answers, too
  if (response.status === 401) {
    return new Unauthorized(
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

const BROKEN = ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'];

/** The error for a request that got no whole answer; any other error as it is. */
const failureOf = (error: unknown, cluster: Cluster): unknown => {
  if (error instanceof PreloadError || error instanceof ApiError) return error;
  const host = hostOf(cluster);
  const { message } = error as Error;
  const cause = ((error as Error).cause ?? error) as NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] };
  const code = cause.code ?? cause.errors?.[0]?.code ?? '';
  if (code === 'ECONNREFUSED') {
    return new ApiError(
      0,
      '',
      `The connection to the server ${host} was refused - did you specify the right host or port?`,
    );
  }
  if (cause.name === 'TimeoutError') {
    return new AnswerTimeout(`the server ${host} did not answer in time`, cluster.remedies.slow);
  }
  // without Node's advice on its own flags
  const reason = cause.message.replace(/; if the root CA is installed locally.*/, '');
  const text = `Unable to connect to the server ${host}: ${reason}`;
  return message === 'terminated' || BROKEN.includes(code) ? new BrokenAnswer(text) : new ApiError(0, '', text);
};
