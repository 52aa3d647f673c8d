import { join, resolve } from 'node:path/posix';
import { parse } from 'smol-toml';
import { listNodeFolder, readNodeFile } from '../node/files.ts';

/** Returns the hosts that containerd on the node at `root` asks for images of `registry`, in order. */
export const hostsOf = async (
  registry: string,
  root: string,
  certsFolders: readonly string[],
  report: (warning: string) => void,
): Promise<RegistryHost[]> => {
  for (const folder of certsFolders.flatMap((certs) => folderNames(registry).map((name) => join(certs, name)))) {
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

type Table = Record<string, unknown>;

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
  const root = parse(text) as Table;
  const mirrors = Object.entries((root.host ?? {}) as Record<string, Table>);
  const upstream = root.server
    ? parseHost(String(root.server), root, folder)
    : registryItself(registry, parseTls(root, folder));
  return [...mirrors.map(([server, table]) => parseHost(server, table, folder)), upstream];
};

/** Returns the server of `registry` if no hosts.toml specifies another one. */
export const registryItself = (registry: string, tls: HostTls = { ca: [], client: [] }): RegistryHost => {
  const local = /^(localhost|127\.[\d.]+|\[::1\])(?::(\d+))?$/.exec(registry);
  const ownPort = local?.[2] !== undefined && local[2] !== '443';
  const tlsWanted = tls.skipVerify !== undefined || tls.ca.length + tls.client.length > 0;
  const name = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
  const url = `${ownPort && !tlsWanted ? 'http' : 'https'}://${name}/v2`;
  return {
    url,
    server: new URL(url).host,
    resolves: true,
    pulls: true,
    headers: {},
    tls: { ...tls, skipVerify: tls.skipVerify ?? local !== null },
  };
};

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

const parseHost = (server: string, table: Table, folder: string): RegistryHost => {
  const { origin, host, pathname } = new URL(/^https?:\/\//.test(server) ? server : `https://${server}`);
  const path = pathname.replace(/\/+$/, '');
  const isRoot = table.override_path === true || path.endsWith('/v2');
  const capabilities = strings(table.capabilities ?? []).map((capability) => capability.toLowerCase());
  const can = (capability: string) => capabilities.length === 0 || capabilities.includes(capability);
  const headers = Object.entries((table.header ?? {}) as Table);
  return {
    url: `${origin}${path}${isRoot ? '' : '/v2'}`,
    server: host,
    resolves: can('resolve'),
    pulls: can('pull'),
    headers: Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), strings(value)])),
    tls: parseTls(table, folder),
  };
};

const parseTls = (table: Table, folder: string): HostTls => ({
  ca: strings(table.ca ?? []).map((file) => resolve(folder, file)),
  client: [table.client ?? []].flat().map((pair) => {
    const [certificate = '', key = certificate] = strings(pair);
    return { certificate: resolve(folder, certificate), key: resolve(folder, key) };
  }),
  ...(typeof table.skip_verify === 'boolean' && { skipVerify: table.skip_verify }),
});

const strings = (value: unknown): string[] => {
  const list = [value].flat();
  if (list.every((item) => typeof item === 'string')) return list;
  throw new Error('expected a string or a list of strings');
};
