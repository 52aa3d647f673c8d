import { AnswerTimeout, ApiError, BrokenAnswer } from '../model/errors.ts';
import { pause } from './wait.ts';

// The one place that decides which requests are repeated, and for how long.

/** What a run knows about how reliable its API server is. */
export interface Weather {
  /** milliseconds for which a request is repeated */
  patience: number;
  /** whether the server has ever answered; until then its address may be wrong, and nobody should wait for it */
  isKnown: boolean;
  /** since when (milliseconds) and why the server cannot be used */
  outage?: { since: number; reason: string; isReported: boolean };
}

interface Server {
  weather: Weather;
  warn: (text: string) => void;
}

/** For commands that only read, in milliseconds. */
const READING_PATIENCE = 30_000;
const FIRST_PATIENCE = 10_000;

/** For commands with a time limit, which ends all waits by their signal. */
export const UNTIL_DEADLINE = Number.POSITIVE_INFINITY;

export const newWeather = (patience = READING_PATIENCE): Weather => ({ patience, isKnown: false });

// errors of etcd that pass; others, such as a full database, need an administrator
const ETCD =
  /etcdserver: (?:no leader|not leader|leader changed|server stopped|request timed out|unhealthy cluster|too many requests)|rpc error: code = Unavailable/;

/** Whether the same request may succeed later. The server may have done what was asked all the same. */
export const isPassing = (error: unknown): boolean => {
  if (error instanceof AnswerTimeout) return true;
  if (!(error instanceof ApiError)) return false;
  if (error.code === 500) return ETCD.test(error.message);
  return [0, 429, 502, 503, 504].includes(error.code);
};

/** Like kubectl, does not wait for a server that has never answered, unless a connection to it was there. */
const isWorthWaiting = (error: unknown, { isKnown }: Weather): boolean => {
  if (isKnown || error instanceof BrokenAnswer) return isPassing(error);
  return isPassing(error) && error instanceof ApiError && error.code !== 0;
};

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 5000;
const NOTICEABLE = 1000; // milliseconds
const LONG = 10_000;

/** Returns milliseconds that double with each try, partly random so that many clients do not return at once. */
const backoff = (tries: number): number =>
  Math.min(FIRST_PAUSE * 2 ** (tries - 1), LONGEST_PAUSE) * (0.5 + Math.random() / 2);

/** Repeats `attempt` while the server is away or busy. Throws its last error, or the abort reason of `signal`. */
export const persist = async <T>(
  server: Server,
  signal: AbortSignal | undefined,
  attempt: () => Promise<T>,
): Promise<T> => {
  const { weather } = server;
  const started = performance.now();
  for (let tries = 1; ; tries += 1) {
    try {
      const result = await attempt();
      endOutage(server);
      return result;
    } catch (error) {
      signal?.throwIfAborted();
      if (!isWorthWaiting(error, weather)) {
        if (error instanceof ApiError && error.code !== 0) endOutage(server);
        throw error;
      }
      noteOutage(server, error as Error);
      const wait = (error instanceof ApiError ? error.retryAfter : undefined) ?? backoff(tries);
      if (performance.now() - started + wait > patienceOf(weather, signal)) throw error;
      await pause(wait, signal);
    }
  }
};

const patienceOf = ({ isKnown, patience }: Weather, signal: AbortSignal | undefined): number => {
  if (!isKnown) return FIRST_PATIENCE;
  return signal ? patience : READING_PATIENCE; // nothing else would end the wait
};

const noteOutage = ({ weather, warn }: Server, { message: reason }: Error): void => {
  const now = performance.now();
  weather.outage ??= { since: now, reason, isReported: false };
  const { since, isReported } = weather.outage;
  if (isReported || now - since < LONG) return;
  weather.outage.isReported = true;
  warn(`the API server is not available, trying again: ${reason}`);
};

const endOutage = ({ weather, warn }: Server): void => {
  if (!weather.outage) return;
  const { since, reason } = weather.outage;
  delete weather.outage;
  const lasted = performance.now() - since;
  if (lasted < NOTICEABLE) return;
  warn(`the API server was not available for ${Math.round(lasted / 1000)} s, continuing: ${reason}`);
};
