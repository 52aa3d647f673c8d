import { extname, join } from 'node:path/posix';
import { load } from 'js-yaml';
import { parseDuration } from '../model/units.ts';
import { inNode, run } from '../node/command.ts';
import { flagOf, type NodeDaemon } from '../node/daemons.ts';
import { listNodeFolder, readNodeFile } from '../node/files.ts';
import {
  type ConfigEntry,
  type Credential,
  configEntries,
  matchesImage,
  matchingCredentials,
} from './docker-config.ts';

/** A program of the node that gives the kubelet credentials, such as a cloud's, and what it is for. */
export interface CredentialPlugin {
  name: string;
  apiVersion: string;
  matchImages: string[];
  args?: string[];
  env?: { name: string; value: string }[];
  /** a Go duration */
  defaultCacheDuration?: string;
  tokenAttributes?: { requireServiceAccount?: boolean };
}

export interface PluginAnswer {
  entries: ConfigEntry[];
  /** what the answer is good for: a repository, a registry, or all where it is empty */
  scope: string;
  /** milliseconds */
  lifetime: number;
}

/** The plugins in a CredentialProviderConfig, YAML or JSON. Throws without quoting from it. */
export const parsePlugins = (text: string, file: string): CredentialPlugin[] => {
  try {
    const { providers } = load(text) as { providers: CredentialPlugin[] };
    if (providers.every(({ name, matchImages }) => !name.includes('/') && matchImages.length > 0)) return providers;
  } catch {}
  throw new Error(`${file} of the node is not a CredentialProviderConfig`);
};

/** Reads the CredentialProviderResponse of `plugin` about `repository`. Throws without quoting from it. */
export const parsePluginAnswer = (text: string, plugin: CredentialPlugin, repository: string): PluginAnswer => {
  try {
    const { auth, cacheKeyType, cacheDuration } = JSON.parse(text);
    const scope = answerScopes(repository)[cacheKeyType as keyof ReturnType<typeof answerScopes>];
    if (scope !== undefined) {
      const lifetime = parseDuration(cacheDuration ?? plugin.defaultCacheDuration ?? '') ?? 0;
      return { entries: configEntries(auth ?? {}, `credential provider ${plugin.name}`), scope, lifetime };
    }
  } catch {}
  throw new Error(`credential provider ${plugin.name} answers with something else than credentials`);
};

/** What an answer about `repository` can be good for, by its cacheKeyType. */
export const answerScopes = (repository: string) => ({
  Image: repository,
  Registry: repository.slice(0, repository.indexOf('/')),
  Global: '',
});

/** Runs the plugins that are for a repository, each when its turn comes. */
export type PluginCredentials = (repository: string, signal: AbortSignal) => AsyncGenerator<Credential>;

const TIMEOUT = 60_000;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The credential plugins that `kubelet` of the node at `root` is configured with. */
export const pluginCredentials = async (
  root: string,
  kubelet: NodeDaemon,
  report: (warning: string) => void,
): Promise<PluginCredentials> => {
  const folder = flagOf(kubelet, '--image-credential-provider-bin-dir');
  const config = flagOf(kubelet, '--image-credential-provider-config');
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
    const output = await execute(argv, plugin, kubelet, repository, signal);
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
  const names = await listNodeFolder(root, path); // a file, or a folder of such files
  const files = names?.filter((name) => ['.json', '.yaml', '.yml'].includes(extname(name))) ?? [''];
  const plugins = files.map(async (name) => {
    const file = join(path, name);
    return parsePlugins((await readNodeFile(root, file)) ?? '', file);
  });
  return (await Promise.all(plugins)).flat();
};

const execute = async (
  argv: readonly string[],
  { name, apiVersion, env = [], tokenAttributes }: CredentialPlugin,
  kubelet: NodeDaemon,
  image: string,
  signal: AbortSignal,
): Promise<string> => {
  if (tokenAttributes?.requireServiceAccount) {
    throw new Error(`credential provider ${name} wants a service account's token, which only the kubelet has`);
  }
  const input = JSON.stringify({ apiVersion, kind: 'CredentialProviderRequest', image });
  const own = Object.fromEntries(env.map(({ name, value }) => [name, value]));
  const { PATH: path = PATH, ...environment } = { ...kubelet.environment, ...own };
  try {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT)]);
    const output = await run(argv, bounded, { input, env: { ...environment, PATH: `${path}:${PATH}` } });
    return output.toString();
  } catch {
    signal.throwIfAborted();
    throw new Error(`credential provider ${name} fails: run it on the node to see why`); // it may have said a secret
  }
};
