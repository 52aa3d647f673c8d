import * as v from 'valibot';
import { OBJECT, object, parse, parseJson } from '../model/parse.ts';

/** A login and its source. */
export interface Credential {
  /** shown in messages: `pull secret team-a/regcred` */
  source: string;
  username: string;
  password: string;
  /** sent to the token server instead of a password */
  identityToken?: string;
}

export interface ConfigEntry {
  /** `registry.example.com:5000/team` or `*.example.com`, as configured but without a scheme */
  pattern: string;
  credential: Credential;
}

const AUTH = object({
  username: v.nullish(v.string(), ''),
  password: v.nullish(v.string(), ''),
  auth: v.nullish(v.string(), ''),
  identitytoken: v.nullish(v.string(), ''),
});

type Auth = v.InferOutput<typeof AUTH>;

/** Logins by server. */
export const AUTHS = v.record(v.string(), AUTH);

type Auths = v.InferOutput<typeof AUTHS>;

/** Returns the credentials in a Docker configuration, in the current or the older format. Throws without quoting it. */
export const parseDockerConfig = (text: string, source: string): ConfigEntry[] =>
  configEntries(parseAuths(text, source), source);

/** Returns the logins in a Docker configuration as it has them. Throws without quoting it. */
export const parseAuths = (text: string, source: string): Auths => {
  try {
    const config = parse(OBJECT, parseJson(text));
    return parse(AUTHS, config.auths ?? config);
  } catch {
    throw new Error(`${source} is not a Docker configuration`);
  }
};

export const configEntries = (auths: Readonly<Auths>, source: string): ConfigEntry[] =>
  Object.entries(auths).flatMap(([server, auth]) => {
    const { username, password } = login(auth);
    const identityToken = auth.identitytoken;
    if (!password && !identityToken) return [];
    return {
      pattern: patternOf(server),
      credential: { source, username, password, ...(identityToken && { identityToken }) },
    };
  });

/** Returns what the kubelet would try for `repository`, such as `docker.io/library/nginx`, in its order. */
export const matchingCredentials = (entries: readonly ConfigEntry[], repository: string): Credential[] => {
  const matching = entries.filter(({ pattern }) => matchesImage(pattern, repository));
  if (matching.length === 0 && repository.startsWith('docker.io/')) {
    return entries.filter(({ pattern }) => pattern === 'index.docker.io').map(({ credential }) => credential);
  }
  return matching.sort((a, b) => compare(b.pattern, a.pattern)).map(({ credential }) => credential);
};

/** Whether `pattern` matches `repository`. Wildcards match within one label of the host; the path is a prefix. */
export const matchesImage = (pattern: string, repository: string): boolean => {
  const [glob, image] = [split(pattern), split(repository)];
  if (glob.port !== image.port || glob.labels.length !== image.labels.length) return false;
  return image.path.startsWith(glob.path) && glob.labels.every((label, index) => wildcard(label, image.labels[index]));
};

// docker writes `https://index.docker.io/v1/` for the host `index.docker.io`
const patternOf = (server: string): string => {
  const [, host = '', path = ''] = /^(?:https?:\/\/)?([^/]*)(?:\/v[12](?=\/))?(.*)$/.exec(server) ?? [];
  return path === '/' ? host : host + path;
};

const split = (name: string): { labels: string[]; port: string; path: string } => {
  const [, host = '', port = '', path = ''] = /^([^/]*?)(?::(\d+))?(\/.*)?$/.exec(name) ?? [];
  return { labels: host.split('.'), port, path };
};

/** Whether `glob` matches all of `text`. Not by a RegExp: with many stars, some would take years. */
const wildcard = (glob: string, text = ''): boolean => {
  let [next, position] = [0, 0]; // in the glob and in the text
  let [star, end] = [-1, 0]; // the last star, and the end of what it matches; earlier stars need no other try
  while (position < text.length) {
    if (glob[next] === '*') {
      [star, end] = [next, position];
      next += 1;
    } else if (glob[next] === '?' || glob[next] === text[position]) {
      next += 1;
      position += 1;
    } else if (star >= 0) {
      end += 1;
      [next, position] = [star + 1, end];
    } else return false;
  }
  return [...glob.slice(next)].every((mark) => mark === '*');
};

const login = ({ username, password, auth }: Auth): { username: string; password: string } => {
  const decoded = Buffer.from(auth, 'base64').toString();
  const colon = decoded.indexOf(':');
  return colon < 0 ? { username, password } : { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
};

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
