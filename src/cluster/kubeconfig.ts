import { dirname, resolve, sep } from 'node:path';
import { loadAll, YAMLException } from 'js-yaml';

export type Fields = Record<string, unknown>;

/** One kubeconfig file, or several merged ones. Entries are by name and keep all fields; their paths are absolute. */
export interface Kubeconfig {
  /** empty if none is set */
  currentContext: string;
  clusters: ReadonlyMap<string, Fields>;
  users: ReadonlyMap<string, Fields>;
  contexts: ReadonlyMap<string, Fields>;
}

/**
 * Merges files by client-go's rules: the first file that has a name wins. Its entry is not merged with those in later
 * files.
 */
export const mergeKubeconfigs = (files: readonly Kubeconfig[]): Kubeconfig => ({
  currentContext: files.find(({ currentContext }) => currentContext)?.currentContext ?? '',
  clusters: firstOfEachName(files.map(({ clusters }) => clusters)),
  users: firstOfEachName(files.map(({ users }) => users)),
  contexts: firstOfEachName(files.map(({ contexts }) => contexts)),
});

const firstOfEachName = <T>(lists: ReadonlyMap<string, T>[]): ReadonlyMap<string, T> =>
  new Map(lists.toReversed().flatMap((entries) => [...entries]));

/** Parses the YAML or JSON of the file `path`. Throws if kubectl would too, without quoting credentials. */
export const parseKubeconfig = (text: string, path: string): Kubeconfig => {
  const file = mapping(firstDocument(text), 'the document');
  const absolute: Absolute = (value) => (typeof value === 'string' && value ? resolve(dirname(path), value) : value);
  return {
    currentContext: string(file['current-context'], 'current-context'),
    clusters: entries(file, 'clusters', 'cluster', (cluster) => ({
      ...cluster,
      'certificate-authority': absolute(cluster['certificate-authority']),
    })),
    users: entries(file, 'users', 'user', (user) => ({
      ...user,
      'client-certificate': absolute(user['client-certificate']),
      'client-key': absolute(user['client-key']),
      tokenFile: absolute(user.tokenFile),
      exec: absoluteCommand(user.exec, absolute),
    })),
    contexts: entries(file, 'contexts', 'context', (context) => context),
  };
};

type Absolute = (path: unknown) => unknown;

/** Leaves a command without a directory as it is, since that is searched on the PATH. */
const absoluteCommand = (exec: unknown, absolute: Absolute): unknown => {
  if (!isMapping(exec) || typeof exec.command !== 'string' || !exec.command.includes(sep)) return exec;
  return { ...exec, command: absolute(exec.command) };
};

const entries = (
  file: Fields,
  list: string,
  kind: string,
  convert: (fields: Fields) => Fields,
): Map<string, Fields> => {
  const items = file[list] ?? [];
  if (!Array.isArray(items)) throw new Error(`${list} is not a list`);
  const named = new Map<string, Fields>();
  for (const item of items) {
    const entry = mapping(item, `an entry of ${list}`);
    const name = string(entry.name, `a name in ${list}`);
    if (named.has(name)) throw new Error(`two ${list} have the name "${name}"`);
    named.set(name, convert(mapping(entry[kind], `${kind} "${name}"`)));
  }
  return named;
};

const firstDocument = (text: string): unknown => {
  try {
    return loadAll(text, { json: true })[0]; // like kubectl, use the last of two equal keys
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    // not its message, which quotes lines and so may contain credentials
    throw new Error(`${error.reason}${error.mark ? ` in line ${error.mark.line + 1}` : ''}`);
  }
};

const isMapping = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const mapping = (value: unknown, what: string): Fields => {
  const given = value ?? {};
  if (!isMapping(given)) throw new Error(`${what} is not a mapping`);
  return given;
};

const string = (value: unknown, what: string): string => {
  const given = value ?? '';
  if (typeof given !== 'string') throw new Error(`${what} is not a string`);
  return given;
};
