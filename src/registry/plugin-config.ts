import { load } from 'js-yaml';
import { parseDuration } from '../model/duration.ts';
import { type ConfigEntry, configEntries } from './docker-config.ts';

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
