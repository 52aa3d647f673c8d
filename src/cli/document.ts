import { TOOL } from '../model/names.ts';

const API_VERSION = `${TOOL}/v1`;

/** `value` as -o json and -o yaml print it; `kind` such as `Preload`. */
export const asDocument = <T extends object>(kind: string, value: T) => ({ apiVersion: API_VERSION, kind, ...value });

/** Several of them, in a list as kubectl prints it. */
export const asListDocument = <T extends object>(kind: string, items: readonly T[]) => ({
  apiVersion: API_VERSION,
  kind: `${kind}List`,
  items: items.map((item) => asDocument(kind, item)),
});
