import type * as v from 'valibot';
import { LINE, list, OBJECT, object } from './parse.ts';

/** A pull secret as it is in the cluster. */
export interface PullSecret {
  namespace: string;
  name: string;
  /** its JSON text, in either format that the kubelet accepts */
  config: string;
}

const MAX_SECRETS = 100_000;

/** Logins that the loader may use for images in the namespaces of these pull secrets, which all contain them. */
export const SHARED_LOGINS = object({
  secrets: list(object({ namespace: LINE, name: LINE }), MAX_SECRETS),
  /** by server, as in a Docker configuration */
  auths: OBJECT,
});

export type SharedLogins = v.InferOutput<typeof SHARED_LOGINS>;
