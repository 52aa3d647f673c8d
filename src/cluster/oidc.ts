import * as v from 'valibot';
import { PreloadError } from '../model/errors.ts';
import { matches, object } from '../model/parse.ts';

const CLAIMS = object({ exp: v.number() });
const LEEWAY = 10_000; // milliseconds, as in kubectl

/**
 * Returns the id-token of the auth-provider oidc. Does not renew it: many issuers invalidate a refresh token on use, and
 * only kubectl writes the next one to the kubeconfig. Throws PreloadError if it is not valid any more.
 */
export const usableIdToken = (config: Readonly<Record<string, string>>): string => {
  const token = config['id-token'];
  for (const key of ['idp-issuer-url', 'client-id']) {
    if (!config[key]) throw new PreloadError(`the auth-provider oidc has no ${key}`);
  }
  const claims = token ? payload(token) : undefined;
  if (token && matches(CLAIMS, claims) && claims.exp * 1000 - LEEWAY > Date.now()) return token;
  throw new PreloadError('the id-token has expired', 'renew it with any kubectl command, such as: kubectl auth whoami');
};

const payload = (token: string): unknown => {
  try {
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  } catch {
    return undefined;
  }
};
