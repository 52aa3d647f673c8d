import { parse as parseToml } from 'smol-toml';
import * as v from 'valibot';
import { SNAPSHOTTER } from '../model/layout.ts';
import { FLAG, LINE, list, object, parse } from '../model/parse.ts';

/** The relevant settings of a containerd; paths are on the node. */
export interface ContainerdConfig {
  root: string;
  /** socket */
  address: string;
  /** directory of the overlayfs snapshotter */
  snapshots: string;
  /** the kubelet can use it */
  hasCri: boolean;
  /** image of the pod sandboxes */
  sandbox: string | undefined;
  registry: RegistrySettings;
}

/** Settings for registries in containerd's own configuration. */
export interface RegistrySettings {
  /** directories with hosts.toml files; with these, containerd ignores `mirrors` and all TLS settings */
  certsFolders: string[];
  /** servers to ask for the images of a registry; `*` for all others */
  mirrors: Readonly<Record<string, string[]>>;
  /** logins and TLS settings by server */
  servers: Readonly<Record<string, ServerSettings>>;
}

const MAX_ITEMS = 1000;
const ADDRESS = '/run/containerd/containerd.sock';

const SERVER = object({
  auth: v.exactOptional(
    object({
      username: v.optional(v.string(), ''),
      password: v.optional(v.string(), ''),
      auth: v.optional(v.string(), ''),
      identitytoken: v.optional(v.string(), ''),
    }),
  ),
  tls: v.exactOptional(
    object({
      insecure_skip_verify: v.optional(FLAG, false),
      ca_file: v.optional(LINE, ''),
      cert_file: v.optional(LINE, ''),
      key_file: v.optional(LINE, ''),
    }),
  ),
});

export type ServerSettings = v.InferOutput<typeof SERVER>;

// CRI is one plugin in 1.x and several in 2.x.
const CRI_PLUGINS = ['io.containerd.grpc.v1.cri', 'io.containerd.cri.v1.images'] as const;

const CRI = v.exactOptional(
  object({
    sandbox_image: v.exactOptional(LINE),
    pinned_images: v.exactOptional(object({ sandbox: v.exactOptional(LINE) })),
    registry: v.exactOptional(
      object({
        config_path: v.optional(LINE, ''),
        mirrors: v.optional(
          v.record(v.string(), object({ endpoint: v.optional(v.nullable(list(LINE, MAX_ITEMS), []), []) })),
          {},
        ),
        configs: v.optional(v.record(v.string(), SERVER), {}),
      }),
    ),
  }),
);

// in older versions a section of its own
const GRPC = 'io.containerd.server.v1.grpc';
const OVERLAYFS = `io.containerd.snapshotter.v1.${SNAPSHOTTER}` as const;

const CONFIG = object({
  root: v.optional(LINE, '/var/lib/containerd'),
  disabled_plugins: v.optional(list(LINE, MAX_ITEMS), []),
  grpc: v.optional(object({ address: v.optional(LINE, '') }), {}),
  plugins: v.optional(
    object({
      [CRI_PLUGINS[0]]: CRI,
      [CRI_PLUGINS[1]]: CRI,
      [GRPC]: v.exactOptional(object({ address: v.optional(LINE, '') })),
      [OVERLAYFS]: v.exactOptional(object({ root_path: v.optional(LINE, '') })),
    }),
    {},
  ),
});

/** Parses the output of `containerd config dump`. Throws PreloadError if a relevant setting is invalid. */
export const parseContainerdConfig = (text: string): ContainerdConfig => {
  const { root, grpc, plugins, disabled_plugins: disabled } = parse(CONFIG, parseToml(text));
  const cri = CRI_PLUGINS.flatMap((name) => plugins[name] ?? []);
  const registries = cri.flatMap(({ registry }) => registry ?? []);
  return {
    root,
    address: grpc.address || plugins[GRPC]?.address || ADDRESS,
    snapshots: plugins[OVERLAYFS]?.root_path || `${root}/${OVERLAYFS}`,
    hasCri: !disabled.some((name) => name === 'cri' || CRI_PLUGINS.some((plugin) => plugin === name)),
    sandbox: cri.map((plugin) => plugin.sandbox_image ?? plugin.pinned_images?.sandbox).find(Boolean),
    registry: {
      certsFolders: registries.flatMap(({ config_path }) => config_path.split(':').filter(Boolean)),
      mirrors: Object.fromEntries(
        registries.flatMap(({ mirrors }) =>
          Object.entries(mirrors).map(([registry, { endpoint }]) => [registry, endpoint ?? []]),
        ),
      ),
      servers: Object.fromEntries(registries.flatMap(({ configs }) => Object.entries(configs))),
    },
  };
};
