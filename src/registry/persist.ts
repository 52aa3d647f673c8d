import { setTimeout as sleep } from 'node:timers/promises';
import { combined, RegistryFailure } from './failure.ts';

/** In milliseconds, except `leastRate` and `tries`. */
export interface Patience {
  /** until connected, also by a proxy */
  connect: number;
  /** without receiving a byte */
  idle: number;
  /** bytes per second that a server must send on average */
  leastRate: number;
  /** over which the rate of an answer is measured */
  window: number;
  /** until a credential provider has answered; as in the kubelet */
  plugin: number;
  /** before the second try; doubles with each further try */
  backoff: number;
  /** longest delay between tries */
  longestWait: number;
  /** in a row without enough progress */
  tries: number;
}

export const PATIENCE: Patience = {
  connect: 15_000,
  idle: 60_000,
  leastRate: 16 * 1024,
  window: 120_000,
  plugin: 60_000,
  backoff: 1000,
  longestWait: 120_000,
  tries: 6,
};

/** Returns milliseconds that double with each try, partly random so that many clients do not retry at once. */
export const backoff = (patience: Patience, tries: number): number =>
  Math.min(patience.backoff * 2 ** (tries - 1), patience.longestWait) * (0.5 + Math.random() / 2);

/**
 * Retries transient failures as long as `patience` allows it, and corrupt content once. `progress` counts bytes. A try that
 * brings them at the least rate starts the count of tries over: a server that is slower, in whatever way, cannot keep us.
 */
export const persist = async <T>(
  attempt: () => Promise<T>,
  progress: () => number,
  patience: Patience,
  signal: AbortSignal,
): Promise<T> => {
  let tries = 0;
  let corrupt = 0;
  let reached = progress();
  let since = performance.now();
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof RegistryFailure) || error.kind === 'final') throw error;
      if (error.kind === 'corrupt') corrupt += 1;
      const now = performance.now();
      const arrived = progress() - reached;
      const isEnough = arrived > 0 && arrived >= (patience.leastRate * (now - since)) / 1000;
      tries = isEnough ? 1 : tries + 1;
      reached = Math.max(reached, progress());
      since = now;
      const wait = error.waitMs ?? backoff(patience, tries);
      if (corrupt > 1 || tries >= patience.tries) throw error;
      if (wait > patience.longestWait) {
        throw new RegistryFailure('final', `${error.message}; the server asks to wait ${Math.round(wait / 1000)} s`);
      }
      await sleep(wait, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
};

/** Returns the result of `use` for the first host that does not fail. Throws the failures of all if all fail. */
export const firstOf = async <Host, T>(hosts: readonly Host[], use: (host: Host) => Promise<T>): Promise<T> => {
  const failures: RegistryFailure[] = [];
  for (const host of hosts) {
    try {
      return await use(host);
    } catch (error) {
      if (!(error instanceof RegistryFailure)) throw error;
      failures.push(error);
    }
  }
  throw combined(failures);
};
