import { PreloadError } from '../../model/errors.ts';
import type { RequestedImage } from '../../model/image.ts';
import { repository } from '../../model/image-reference.ts';
import type { PullSecret, SharedLogins } from '../../model/pull-secret.ts';
import { configEntries, matchingCredentials, parseAuths } from '../../registry/docker-config.ts';

const MAX_LOGINS = 512 * 1024; // characters; more do not fit into a Secret with the names of those that contain them

interface Needs {
  images: readonly RequestedImage[];
  /** all logins in this namespace are needed: the loader captures images that are not known yet */
  wholeNamespace?: string | undefined;
}

/**
 * Returns the logins in `secrets` for the registries of `images`, from the namespaces that use them; equal ones once. Warns
 * about a secret that has no logins that can be used.
 */
export const neededLogins = (
  secrets: readonly PullSecret[],
  { images, wholeNamespace }: Needs,
  warn: (text: string) => void,
): SharedLogins[] => {
  const repositories = repositoriesByNamespace(images);
  const shared = new Map<string, SharedLogins>();
  for (const { namespace, name, config } of secrets) {
    const used = namespace === wholeNamespace ? undefined : [...(repositories.get(namespace) ?? [])];
    try {
      const auths = loginsFor(config, `pull secret ${namespace}/${name}`, used);
      const text = JSON.stringify(auths);
      const known = shared.get(text)?.secrets ?? [];
      if (Object.keys(auths).length > 0) shared.set(text, { secrets: [...known, { namespace, name }], auths });
    } catch (error) {
      warn((error as Error).message);
    }
  }
  return [...shared.values()];
};

const repositoriesByNamespace = (images: readonly RequestedImage[]): Map<string, Set<string>> => {
  const found = new Map<string, Set<string>>();
  for (const { name, namespaces } of images) {
    for (const namespace of namespaces) {
      found.set(namespace, (found.get(namespace) ?? new Set()).add(repository(name)));
    }
  }
  return found;
};

/** The logins in `config` for any of `repositories`, or all if undefined. Throws without quoting them. */
const loginsFor = (
  config: string,
  source: string,
  repositories: readonly string[] | undefined,
): SharedLogins['auths'] => {
  const logins = Object.entries(parseAuths(config, source)).filter(([server, auth]) => {
    const entries = configEntries({ [server]: auth }, source);
    return !repositories || repositories.some((name) => matchingCredentials(entries, name).length > 0);
  });
  const auths = Object.fromEntries(logins);
  if (JSON.stringify(auths).length > MAX_LOGINS) throw new PreloadError(`${source} is too large, so it is not used`);
  return auths;
};
