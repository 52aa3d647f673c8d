import type { Context } from '../../cli/context.ts';
import { type ConnectionFlags, connect } from '../../cluster/connection.ts';
import { loadKubeconfig } from '../../cluster/kubeconfig-files.ts';
import { flagVariable } from '../../model/names.ts';
import { parseDuration } from '../../model/units.ts';
import { type Candidate, safe } from './candidates.ts';
import { SOURCES } from './sources.ts';
import type { Unfinished } from './words.ts';

const PATIENCE = 300; // milliseconds; longer feels stuck
const PATIENCE_VARIABLE = flagVariable('completion-timeout');

/** Returns the names that the first of `keys` with a source finds in the time that somebody waits for them. */
export const liveNames = async (
  keys: readonly string[],
  { given }: Unfinished,
  { env, now }: Pick<Context, 'env' | 'now'>,
): Promise<Candidate[]> => {
  const key = keys.find((key) => key in SOURCES);
  const source = key && SOURCES[key];
  if (!source) return [];
  const patience = parseDuration(env[PATIENCE_VARIABLE] ?? '') ?? PATIENCE;
  const signal = AbortSignal.timeout(patience);
  const flags = connectionFlags(given, env, patience);
  const place = {
    cluster: () => connect({ ...flags, unattended: signal }, env, () => {}),
    contexts: () => [...loadKubeconfig(flags.kubeconfig, env).kubeconfig.contexts.keys()],
    now: now(),
    signal,
  };
  const found: Candidate[] = [];
  const search = async () => {
    for await (const candidate of source(place)) found.push(candidate);
  };
  const late = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  await Promise.race([search(), late]).catch(() => {}); // what was found before a failure is right
  return safe(found);
};

/** The connection that the unfinished command would use. */
const connectionFlags = (given: Unfinished['given'], env: Context['env'], patience: number): ConnectionFlags => {
  const all = (flag: string): readonly string[] => {
    const preset = env[flagVariable(flag)];
    return given.get(flag) ?? (preset ? [preset] : []);
  };
  const last = (flag: string) => all(flag).at(-1);
  return {
    ...{ kubeconfig: last('kubeconfig'), context: last('context'), namespace: last('namespace') },
    ...{
      as: last('as'),
      asUid: last('as-uid'),
      asGroup: all('as-group').length > 0 ? [...all('as-group')] : undefined,
    },
    requestTimeout: patience,
  };
};
