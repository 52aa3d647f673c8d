import { plain } from '../model/parse.ts';
import { NEAR_ADDRESS } from './near.ts';

const MAX_MESSAGE = 1000;

/**
 * Why an image cannot be fetched, in words for the user. What servers said may be part of it, but shortened, and
 * without what a terminal would obey. Has no `cause`, since that may contain a secret URL.
 */
export class RegistryFailure extends Error {
  readonly kind: FailureKind;
  /** how long the server asks to wait before the next try */
  readonly waitMs: number | undefined;
  constructor(kind: FailureKind, message: string, waitMs?: number) {
    super(plain(message).slice(0, MAX_MESSAGE));
    this.kind = kind;
    this.waitMs = waitMs;
  }
}

/** final: a retry gives the same result; transient: a retry may succeed; corrupt: the content is wrong */
type FailureKind = 'final' | 'transient' | 'corrupt';

export interface AnswerHead {
  status: number;
  headers: Record<string, string | string[] | undefined>;
}

const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY)/;

/** Returns the failure for a connection to `host` that broke or could not be opened. */
export const connectionFailure = (host: string, error: NodeJS.ErrnoException): RegistryFailure => {
  const { code = error.name, message } = error;
  const refusal = /Proxy response \((\d+)\)|Proxy Authentication Required \((407)\)/.exec(message);
  if (refusal) {
    const status = refusal[1] ?? refusal[2];
    const kind = status === '407' || status === '403' ? 'final' : 'transient';
    return new RegistryFailure(kind, `the node's proxy answered ${status} for ${host}`);
  }
  if (code === NEAR_ADDRESS) {
    return new RegistryFailure('final', `${host} has an address that only the node itself may use`);
  }
  if (code === 'ENOTFOUND') return new RegistryFailure('final', `the node cannot resolve ${host}`);
  if (code === 'EPROTO') return new RegistryFailure('final', `${host} does not support TLS; check the node's certs.d`);
  if (UNTRUSTED.test(code)) {
    const remedy = "add its CA to the node's certs.d";
    return new RegistryFailure('final', `the certificate of ${host} is not trusted (${code}); ${remedy}`);
  }
  if (/TIMEOUT|ETIMEDOUT/.test(code)) return new RegistryFailure('transient', `${host} did not answer in time`);
  return new RegistryFailure('transient', `the connection to ${host} failed (${code})`);
};

/** Returns the failure for an unexpected status from `host`; `what` is what was requested. */
export const statusFailure = (host: string, what: string, { status, headers }: AnswerHead): RegistryFailure => {
  const waitMs = parseRetryAfter([headers['retry-after']].flat()[0], Date.now());
  if (status === 404) {
    return new RegistryFailure('final', `${host} does not have ${what}; check the name, and that it was not deleted`);
  }
  if (status === 429) return new RegistryFailure('transient', `${host} reports too many requests (429)`, waitMs);
  const kind = status >= 500 || status === 408 ? 'transient' : 'final';
  return new RegistryFailure(kind, `${host} answered ${status} for ${what}`, waitMs);
};

/** Returns the milliseconds in a Retry-After header of seconds or a date; undefined if it is missing or invalid. */
export const parseRetryAfter = (header: string | undefined, now: number): number | undefined => {
  if (!header) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
};

/** Combines the failures of all hosts that were tried. Transient if one is, else corrupt if one is, else final. */
export const combined = (failures: readonly RegistryFailure[]): RegistryFailure => {
  const kinds = failures.map(({ kind }) => kind);
  const kind = kinds.find((one) => one === 'transient') ?? kinds.find((one) => one === 'corrupt') ?? 'final';
  const waits = failures.flatMap(({ waitMs }) => waitMs ?? []);
  const message = [...new Set(failures.map((failure) => failure.message))].join('; ');
  return new RegistryFailure(kind, message, waits.length > 0 ? Math.max(...waits) : undefined);
};
