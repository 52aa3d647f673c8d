import { join, resolve } from 'node:path/posix';
import { parse as parseToml } from 'smol-toml';
import * as v from 'valibot';
import { FLAG, list, OBJECT, object, parse } from '../model/parse.ts';
import type { RegistrySettings, ServerSettings } from '../node/containerd-config.ts';
import { listNodeFolder, readNodeFile } from '../node/files.ts';
import { RegistryFailure } from './failure.ts';

const USUAL_FOLDERS = ['/etc/containerd/certs.d', '/etc/docker/certs.d'];

/** Returns the hosts that containerd on the node at `root` asks for images of `registry`, in order. */
export const hostsOf = async (
  registry: string,
  root: string,
  settings: RegistrySettings,
  report: (warning: string) => void,
): Promise<RegistryHost[]> => {
  const hasFolders = settings.certsFolders.length > 0;
  if (!hasFolders && Object.keys({ ...settings.mirrors, ...settings.servers }).length > 0) {
    return hostsWithoutFolders(registry, settings);
  }
  for (const folder of (hasFolders ? settings.certsFolders : USUAL_FOLDERS).flatMap((certs) =>
    folderNames(registry).map((name) => join(certs, name)),
  )) {
    const names = await listNodeFolder(root, folder);
    if (!names) continue;
    const file = join(folder, 'hosts.toml');
    const text = await readNodeFile(root, file);
    try {
      if (text) return parseHosts(text, folder, registry);
    } catch {
      report(`${file} on the node is invalid; ignoring it`); // like containerd; the reason would quote the file
    }
    return [registryItself(registry, tlsOfFiles(names, folder))];
  }
  return [registryItself(registry)];
};

/** A server that may have a registry's images: a mirror or the registry itself. */
export interface RegistryHost {
  /** base URL of the API, such as `https://mirror.example.com/v2` */
  url: string;
  /** its host, with port if any */
  server: string;
  /** can resolve tags */
  resolves: boolean;
  /** serves manifests and blobs */
  pulls: boolean;
  headers: Record<string, string | string[]>;
  tls: HostTls;
}

export interface HostTls {
  /** paths on the node */
  ca: string[];
  /** paths on the node; one file may contain both */
  client: { certificate: string; key: string }[];
  skipVerify?: boolean | undefined;
}

const LOCAL = /^(localhost|127\.[\d.]+|\[::1\])(?::(\d+))?$/;

const withScheme = (server: string): string => (/^https?:\/\//.test(server) ? server : `https://${server}`);

const MAX_ITEMS = 1000;
const SERVER = v.pipe(
  v.string(),
  v.check((server) => URL.canParse(withScheme(server)), 'must be a URL'),
);
const TEXTS = v.union([
  list(v.string(), MAX_ITEMS),
  v.pipe(
    v.string(),
    v.transform((text) => [text]),
  ),
]);
const CAPABILITY = v.pipe(v.string(), v.toLowerCase(), v.picklist(['pull', 'resolve', 'push', 'referrers']));

/** What a hosts.toml says of one server. */
const SETTINGS = object({
  capabilities: v.optional(list(CAPABILITY, MAX_ITEMS), []),
  ca: v.optional(TEXTS, []),
  client: v.optional(
    v.union([v.string(), list(v.union([v.string(), v.strictTuple([v.string(), v.string()])]), MAX_ITEMS)]),
    [],
  ),
  skip_verify: v.exactOptional(FLAG),
  header: v.optional(v.pipe(OBJECT, v.record(v.string(), TEXTS)), {}),
  override_path: v.optional(FLAG, false),
});

type Settings = v.InferOutput<typeof SETTINGS>;

const HOSTS_FILE = object({
  ...SETTINGS.entries,
  server: v.optional(v.union([v.literal(''), SERVER]), ''),
  host: v.optional(v.pipe(OBJECT, v.record(SERVER, SETTINGS)), {}),
});

/** Returns the possible directory names for `registry` in certs.d, in order of preference. */
export const folderNames = (registry: string): string[] => [
  ...(registry.includes(':') ? [registry.replace(/:(\d+)$/, '_$1_')] : []),
  registry,
  '_default',
];

/**
 * Parses the hosts.toml in `folder` on the node. Returns the hosts to ask for images of `registry`, in order. Throws if
 * containerd would reject the file.
 */
export const parseHosts = (text: string, folder: string, registry: string): RegistryHost[] => {
  const { server, host: mirrors, ...settings } = parse(HOSTS_FILE, parseToml(text));
  const upstream = server ? toHost(server, settings, folder) : registryItself(registry, toTls(settings, folder));
  return [...Object.entries(mirrors).map(([mirror, settings]) => toHost(mirror, settings, folder)), upstream];
};

/** Returns the server of `registry` if no hosts.toml specifies another one. */
export const registryItself = (registry: string, tls: HostTls = { ca: [], client: [] }): RegistryHost => {
  const local = LOCAL.exec(registry);
  const ownPort = local?.[2] !== undefined && local[2] !== '443';
  const tlsWanted = tls.skipVerify !== undefined || tls.ca.length + tls.client.length > 0;
  const name = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
  const url = `${ownPort && !tlsWanted ? 'http' : 'https'}://${name}/v2`;
  if (!URL.canParse(url)) throw new RegistryFailure('final', `${registry} is not an address of a registry`);
  return {
    url,
    server: new URL(url).host,
    resolves: true,
    pulls: true,
    headers: {},
    tls: { ...tls, skipVerify: tls.skipVerify ?? local !== null },
  };
};

/** Returns the hosts that containerd asks if its own configuration contains the mirrors, in order. */
export const hostsWithoutFolders = (registry: string, { mirrors, servers }: RegistrySettings): RegistryHost[] => {
  const toMirror = (endpoint: string): RegistryHost => {
    const { host, pathname, protocol } = new URL(withUsualScheme(endpoint));
    const path = pathname.replace(/\/+$/, '');
    return {
      url: `${protocol}//${host}${path || '/v2'}`,
      server: host,
      resolves: true,
      pulls: true,
      headers: {},
      tls: tlsOfServer(servers[host]),
    };
  };
  const hosts = (mirrors[registry] ?? mirrors['*'] ?? [])
    .filter((endpoint) => URL.canParse(withUsualScheme(endpoint)))
    .map(toMirror);
  if (hosts.some(({ server }) => server === registry)) return hosts;
  const { server } = registryItself(registry);
  return [...hosts, registryItself(registry, servers[server] ? tlsOfServer(servers[server]) : undefined)];
};

const withUsualScheme = (endpoint: string): string =>
  endpoint.includes('://') ? endpoint : `${LOCAL.test(endpoint.replace(/\/.*/, '')) ? 'http' : 'https'}://${endpoint}`;

const tlsOfServer = ({ tls }: ServerSettings = {}): HostTls => ({
  ca: tls?.ca_file ? [tls.ca_file] : [],
  client: tls?.cert_file && tls.key_file ? [{ certificate: tls.cert_file, key: tls.key_file }] : [],
  ...(tls && { skipVerify: tls.insecure_skip_verify }),
});

/** Returns the TLS settings for `folder` in Docker's layout: files `*.crt`, `*.cert` and `*.key`. */
export const tlsOfFiles = (names: readonly string[], folder: string): HostTls => ({
  ca: names.filter((name) => name.endsWith('.crt')).map((name) => resolve(folder, name)),
  client: names
    .filter((name) => name.endsWith('.cert'))
    .map((certificate) => {
      const key = certificate.replace(/cert$/, 'key');
      return {
        certificate: resolve(folder, certificate),
        key: resolve(folder, names.includes(key) ? key : certificate),
      };
    }),
});

const toHost = (server: string, settings: Settings, folder: string): RegistryHost => {
  const { origin, host, pathname } = new URL(withScheme(server));
  const path = resolve(pathname).replace(/^\/$/, '');
  const isRoot = settings.override_path || path.endsWith('/v2');
  const { capabilities } = settings;
  const can = (capability: Settings['capabilities'][number]) =>
    capabilities.length === 0 || capabilities.includes(capability);
  return {
    url: `${origin}${path}${isRoot ? '' : '/v2'}`,
    server: host,
    resolves: can('resolve'),
    pulls: can('pull'),
    headers: Object.fromEntries(Object.entries(settings.header).map(([name, value]) => [name.toLowerCase(), value])),
    tls: toTls(settings, folder),
  };
};

const toTls = ({ ca, client, skip_verify: skipVerify }: Settings, folder: string): HostTls => ({
  ca: ca.map((file) => resolve(folder, file)),
  client: [client].flat().map((pair) => {
    const [certificate, key] = typeof pair === 'string' ? [pair, pair] : pair;
    return { certificate: resolve(folder, certificate), key: resolve(folder, key) };
  }),
  ...(skipVerify !== undefined && { skipVerify }),
});
