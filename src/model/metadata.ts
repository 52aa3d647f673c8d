import { labels, PLUGIN } from './names.ts';

// Labels and annotations from the command line, checked as the API server checks them.

const MAX_NAME = 63;
const MAX_PREFIX = 253;
const MAX_ANNOTATIONS = 256 * 1024; // bytes, with their keys

const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const DOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

const NAME_RULE = `must be at most ${MAX_NAME} letters, digits, "-", "_" and ".", and start and end with a letter or digit`;

/** Why `key` is not valid for a label or an annotation, or undefined if it is. */
const keyProblem = (key: string): string | undefined => {
  const slash = key.indexOf('/');
  const [domain, name] = slash < 0 ? [undefined, key] : [key.slice(0, slash), key.slice(slash + 1)];
  if (domain !== undefined && (domain.length > MAX_PREFIX || !DOMAIN.test(domain)))
    return `the part of its key before "/" must be a domain name of at most ${MAX_PREFIX} characters`;
  return name.length > MAX_NAME || !NAME.test(name) ? `its key ${NAME_RULE}` : undefined;
};

/** Why a snapshot cannot have this label, or undefined if it can. */
export const labelProblem = (key: string, value: string): string | undefined => {
  if (Object.hasOwn(TOOL_LABELS, key)) return 'kubectl preload sets this label itself';
  if (value !== '' && (value.length > MAX_NAME || !NAME.test(value))) return `its value ${NAME_RULE}`;
  return keyProblem(key);
};

const TOOL_LABELS = labels('', 'snapshot', '');

/** Why a snapshot cannot have these annotations, or undefined if it can. */
export const annotationProblem = (key: string): string | undefined =>
  key.startsWith(`${PLUGIN}.`)
    ? 'kubectl preload sets annotations with this prefix itself'
    : keyProblem(key.toLowerCase());

/** Whether an object has room for these annotations. */
export const fitsObject = (annotations: Readonly<Record<string, string>>): boolean =>
  Object.entries(annotations).reduce((sum, [key, value]) => sum + Buffer.byteLength(key + value), 0) <= MAX_ANNOTATIONS;
