/** A fully qualified container image reference, with the grammar of the distribution project. */
export interface ImageReference {
  /** registry host, with port if any */
  domain: string;
  path: string;
  tag?: string;
  /** `sha256:<hex>` */
  digest?: string;
}

const PATH_COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const PATH = new RegExp(`^${PATH_COMPONENT}(?:/${PATH_COMPONENT})*$`);
const DOMAIN =
  /^(?:\[[0-9a-fA-F:]+\]|[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*)(?::\d+)?$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const IDENTIFIER = /^[0-9a-f]{64}$/; // an image ID, which registries do not know
const DEFAULT_DOMAIN = 'docker.io';
const MAX_REPOSITORY = 255;

/** Parses `text`; the tag is `latest` without tag and digest. Undefined if it is not an image reference. */
export const parseImage = (text: string): ImageReference | undefined => {
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(':');
  const tagged = colon > named.lastIndexOf('/');
  const tag = tagged ? named.slice(colon + 1) : digest ? undefined : 'latest';
  const { domain, path } = splitDomain(tagged ? named.slice(0, colon) : named);

  if (IDENTIFIER.test(text)) return undefined;
  if (!DOMAIN.test(domain) || !PATH.test(path) || domain.length + path.length + 1 > MAX_REPOSITORY) return undefined;
  if (tag !== undefined && !TAG.test(tag)) return undefined;
  if (digest !== undefined && !DIGEST.test(digest)) return undefined;
  return { domain, path, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
};

/** Why `parseImage` does not accept `text`. */
export const referenceProblem = (text: string): string =>
  text.includes('@sha512:') ? 'sha512 digests are not supported' : 'not an image reference';

// The first part is a registry only if it looks like one; nothing is looked up.
const splitDomain = (repository: string): { domain: string; path: string } => {
  const slash = repository.indexOf('/');
  const first = repository.slice(0, Math.max(slash, 0));
  const isDomain = first === 'localhost' || /[.:]/.test(first) || first !== first.toLowerCase();
  const domain = isDomain ? first.replace(/^index\.docker\.io$/, DEFAULT_DOMAIN) : DEFAULT_DOMAIN;
  const path = isDomain ? repository.slice(slash + 1) : repository;
  return { domain, path: domain === DEFAULT_DOMAIN && !path.includes('/') ? `library/${path}` : path };
};

export const repository = (image: ImageReference): string => `${image.domain}/${image.path}`;

/** The name that the container runtime looks up for the kubelet; with a digest, the tag is ignored. */
export const imageName = (image: ImageReference): string =>
  image.digest ? `${repository(image)}@${image.digest}` : `${repository(image)}:${image.tag}`;

/** `registry.example.com/team/app:1@sha256:…`: what `parseImage` reads as the same reference. */
export const printImage = (image: ImageReference): string =>
  `${repository(image)}${image.tag === undefined ? '' : `:${image.tag}`}${image.digest ? `@${image.digest}` : ''}`;

/** All names for an image that resolved to `digest`, because a pod may use the tag, the digest, or both. */
export const keptNames = (image: ImageReference, digest: string): string[] =>
  image.digest ? [imageName(image)] : [imageName(image), `${repository(image)}@${digest}`];

/** Whether the name of `image` starts with one of `prefixes`: fully qualified, or short as on Docker Hub. */
export const isExcluded = (image: ImageReference, prefixes: readonly string[]): boolean => {
  const name = imageName(image);
  const forms = [name, name.replace(/^docker\.io\/(library\/)?/, '')];
  return prefixes.some((prefix) => forms.some((form) => form.startsWith(prefix)));
};
