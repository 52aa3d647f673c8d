/**
 * What stands between us and an image, in words fit for the user. Never has a cause: those may name addresses that are
 * secrets.
 */
export class RegistryFailure extends Error {
  readonly kind: FailureKind;
  /** how long the server asks to wait */
  readonly waitMs: number | undefined;
  constructor(kind: FailureKind, message: string, waitMs?: number) {
    super(message);
    this.kind = kind;
    this.waitMs = waitMs;
  }
}

/** Final: asking again gives the same. Corrupt: what came is not what was asked for. */
export type FailureKind = 'final' | 'transient' | 'corrupt';

export interface AnswerHead {
  status: number;
  headers: Record<string, string | string[] | undefined>;
}

const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY)/;

/** What a broken or impossible connection to `host` means. */
export const connectionFailure = (host: string, error: NodeJS.ErrnoException): RegistryFailure => {
  const { code = error.name, message } = error;
  const refusal = /Proxy response \((\d+)\)|Proxy Authentication Required \((407)\)/.exec(message);
  if (refusal) {
    const status = refusal[1] ?? refusal[2];
    const kind = status === '407' || status === '403' ? 'final' : 'transient';
    return new RegistryFailure(kind, `the node's proxy answers ${status} for ${host}`);
  }
  if (code === 'ENOTFOUND') return new RegistryFailure('final', `the node finds no address for ${host}`);
  if (code === 'EPROTO') return new RegistryFailure('final', `${host} does not speak TLS: see the node's certs.d`);
  if (UNTRUSTED.test(code)) {
    const remedy = "put its CA into the node's certs.d";
    return new RegistryFailure('final', `the certificate of ${host} is not trusted (${code}): ${remedy}`);
  }
  if (/TIMEOUT|ETIMEDOUT/.test(code)) return new RegistryFailure('transient', `${host} does not answer in time`);
  return new RegistryFailure('transient', `the connection to ${host} broke (${code})`);
};

/** What an answer of `host` means that is not what was asked for; `what` names that. */
export const statusFailure = (host: string, what: string, { status, headers }: AnswerHead): RegistryFailure => {
  const waitMs = parseRetryAfter([headers['retry-after']].flat()[0], Date.now());
  if (status === 404) {
    return new RegistryFailure('final', `${host} does not have ${what}: check the name, or that it was not deleted`);
  }
  if (status === 429) return new RegistryFailure('transient', `${host} has had too many requests (429)`, waitMs);
  const kind = status >= 500 || status === 408 ? 'transient' : 'final';
  return new RegistryFailure(kind, `${host} answers ${status} for ${what}`, waitMs);
};

/** Milliseconds that a Retry-After header asks for: seconds, or a date that `now` is compared with. */
export const parseRetryAfter = (header: string | undefined, now: number): number | undefined => {
  if (!header) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
};

/** One failure for those of all hosts that were asked: worth another try if any was. */
export const combined = (failures: readonly RegistryFailure[]): RegistryFailure => {
  const kinds = failures.map(({ kind }) => kind);
  const kind = kinds.find((one) => one === 'transient') ?? kinds.find((one) => one === 'corrupt') ?? 'final';
  const waits = failures.flatMap(({ waitMs }) => waitMs ?? []);
  const message = [...new Set(failures.map((failure) => failure.message))].join('; ');
  return new RegistryFailure(kind, message, waits.length > 0 ? Math.max(...waits) : undefined);
};
