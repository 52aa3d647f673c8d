import { extname, join } from 'node:path/posix';
import { load } from 'js-yaml';
import * as v from 'valibot';
import { FLAG, LINE, list, object, parse, parseJson } from '../model/parse.ts';
import { parseDuration } from '../model/units.ts';
import { inNode, runBounded } from '../node/command.ts';
import { flagOf, type NodeDaemon } from '../node/daemons.ts';
import { listNodeFolder, readNodeFile } from '../node/files.ts';
import {
  AUTHS,
  type ConfigEntry,
  type Credential,
  configEntries,
  matchesImage,
  matchingCredentials,
} from './docker-config.ts';
import type { Patience } from './persist.ts';

const MAX_PLUGINS = 100;
const MAX_PATTERNS = 10_000;
const MAX_ARGUMENTS = 1000;

const PLUGIN = object({
  /** of its file in the folder of plugins */
  name: v.pipe(
    LINE,
    v.regex(/^[^/]+$/, 'must be the name of a file'),
    v.notValues(['.', '..'], 'must be the name of a file'),
  ),
  apiVersion: LINE,
  matchImages: v.pipe(list(LINE, MAX_PATTERNS), v.minLength(1, 'must have a pattern')),
  args: v.exactOptional(list(LINE, MAX_ARGUMENTS)),
  env: v.exactOptional(list(object({ name: LINE, value: v.string() }), MAX_ARGUMENTS)),
  /** a Go duration */
  defaultCacheDuration: v.exactOptional(LINE),
  tokenAttributes: v.exactOptional(object({ requireServiceAccount: v.exactOptional(FLAG) })),
});

/** A kubelet credential provider on the node, such as a cloud's. */
type CredentialPlugin = v.InferOutput<typeof PLUGIN>;

const PLUGIN_CONFIG = object({ providers: list(PLUGIN, MAX_PLUGINS) });

const PLUGIN_ANSWER = object({
  cacheKeyType: v.picklist(['Image', 'Registry', 'Global']),
  cacheDuration: v.nullish(LINE),
  auth: v.nullish(AUTHS, {}),
});

interface PluginAnswer {
  entries: ConfigEntry[];
  /** where the answer is valid: a repository, a registry, or everywhere if empty */
  scope: string;
  /** milliseconds */
  lifetime: number;
}

/** Returns the plugins in a CredentialProviderConfig, YAML or JSON. Throws without quoting it. */
export const parsePlugins = (text: string, file: string): CredentialPlugin[] => {
  try {
    return parse(PLUGIN_CONFIG, load(text)).providers;
  } catch {
    throw new Error(`${file} on the node is not a CredentialProviderConfig`);
  }
};

/** Parses the CredentialProviderResponse of `plugin` for `repository`. Throws without quoting it. */
export const parsePluginAnswer = (text: string, plugin: CredentialPlugin, repository: string): PluginAnswer => {
  try {
    const { auth, cacheKeyType, cacheDuration } = parse(PLUGIN_ANSWER, parseJson(text));
    const lifetime = parseDuration(cacheDuration ?? plugin.defaultCacheDuration ?? '') ?? 0;
    const entries = configEntries(auth, `credential provider ${plugin.name}`);
    return { entries, scope: answerScopes(repository)[cacheKeyType], lifetime };
  } catch {
    throw new Error(`credential provider ${plugin.name} did not return credentials`);
  }
};

/** Returns the scope of an answer for `repository`, by cacheKeyType. */
const answerScopes = (repository: string) => ({
  Image: repository,
  Registry: repository.slice(0, repository.indexOf('/')),
  Global: '',
});

/** Yields credentials for a repository. Runs each plugin only if the earlier credentials do not work. */
type PluginCredentials = (repository: string, signal: AbortSignal) => AsyncGenerator<Credential>;

const MAX_OUTPUT = 1024 * 1024;
const K3S_FOLDER = '/var/lib/rancher/credentialprovider';
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Uses the credential plugins of `kubelet` on the node at `root`. */
export const pluginCredentials = async (
  root: string,
  kubelet: NodeDaemon,
  patience: Patience,
  report: (warning: string) => void,
): Promise<PluginCredentials> => {
  const isK3s = (await listNodeFolder(root, K3S_FOLDER)) !== undefined; // its processes hide their flags
  const folder = flagOf(kubelet.argv, '--image-credential-provider-bin-dir') ?? (isK3s && `${K3S_FOLDER}/bin`);
  const config = flagOf(kubelet.argv, '--image-credential-provider-config') ?? (isK3s && `${K3S_FOLDER}/config.yaml`);
  if (!folder || !config) return async function* () {};
  const plugins = await readPlugins(root, config).catch((error: Error) => {
    report(error.message);
    return [];
  });
  const kept = new Map<string, { entries: ConfigEntry[]; until: number }>();

  const ask = async (plugin: CredentialPlugin, repository: string, signal: AbortSignal): Promise<ConfigEntry[]> => {
    for (const scope of Object.values(answerScopes(repository))) {
      const answer = kept.get(`${plugin.name} ${scope}`);
      if (answer && answer.until > Date.now()) return answer.entries;
    }
    const argv = inNode(root, [join(folder, plugin.name), ...(plugin.args ?? [])]);
    const output = await execute(argv, { plugin, kubelet, image: repository, milliseconds: patience.plugin }, signal);
    const { entries, scope, lifetime } = parsePluginAnswer(output, plugin, repository);
    kept.set(`${plugin.name} ${scope}`, { entries, until: Date.now() + lifetime });
    return entries;
  };

  return async function* (repository, signal) {
    for (const plugin of plugins) {
      if (!plugin.matchImages.some((pattern) => matchesImage(pattern, repository))) continue;
      try {
        yield* matchingCredentials(await ask(plugin, repository, signal), repository);
      } catch (error) {
        signal.throwIfAborted();
        report((error as Error).message);
      }
    }
  };
};

const readPlugins = async (root: string, path: string): Promise<CredentialPlugin[]> => {
  const names = await listNodeFolder(root, path); // undefined if `path` is a file
  const files = names?.filter((name) => ['.json', '.yaml', '.yml'].includes(extname(name))) ?? [''];
  const plugins = files.map(async (name) => {
    const file = join(path, name);
    return parsePlugins((await readNodeFile(root, file)) ?? '', file);
  });
  return (await Promise.all(plugins)).flat();
};

interface Execution {
  plugin: CredentialPlugin;
  kubelet: NodeDaemon;
  /** the repository */
  image: string;
  /** most that it may take */
  milliseconds: number;
}

const execute = async (
  argv: readonly string[],
  { plugin, kubelet, image, milliseconds }: Execution,
  signal: AbortSignal,
): Promise<string> => {
  const { name, apiVersion, env = [], tokenAttributes } = plugin;
  if (tokenAttributes?.requireServiceAccount) {
    throw new Error(`credential provider ${name} requires a service account token, which only the kubelet has`);
  }
  const input = JSON.stringify({ apiVersion, kind: 'CredentialProviderRequest', image });
  const own = Object.fromEntries(env.map(({ name, value }) => [name, value]));
  const { PATH: path = PATH, ...environment } = { ...kubelet.environment, ...own };
  try {
    const limits = { milliseconds, bytes: MAX_OUTPUT };
    const output = await runBounded(argv, signal, {
      input,
      env: { ...environment, PATH: `${path}:${PATH}` },
      ...limits,
    });
    return output.toString();
  } catch {
    signal.throwIfAborted();
    // without its output, which may contain a secret
    throw new Error(`credential provider ${name} failed; run it on the node to see why`);
  }
};
