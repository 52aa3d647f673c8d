import * as v from 'valibot';
import { object } from '../model/parse.ts';

const GROUP = 'client.authentication.k8s.io';

/** Whether kubectl still supports this version of the protocol with plugins. */
export const isApiVersion = (version: string): boolean => [`${GROUP}/v1`, `${GROUP}/v1beta1`].includes(version);

/** Whether a plugin may ask the user. */
export const MODES = ['Never', 'IfAvailable', 'Always'];

const FIELD = v.nullish(v.string(), '');

const CREDENTIAL = object({
  apiVersion: v.string(),
  kind: v.literal('ExecCredential'),
  status: object({
    token: FIELD,
    clientCertificateData: FIELD,
    clientKeyData: FIELD,
    expirationTimestamp: v.nullish(v.pipe(v.string(), v.isoTimestamp())),
  }),
});

export interface ExecCredential {
  /** may be empty */
  token: string;
  /** PEM; both may be empty */
  certificate: string;
  key: string;
  /** milliseconds since 1970; without end if the plugin does not say */
  expires: number;
}

/** Parses what a plugin printed. Throws with what is wrong, without quoting it: it has secrets. */
export const parseExecCredential = (text: string, apiVersion: string): ExecCredential => {
  const printed = json(text);
  const result = v.safeParse(CREDENTIAL, printed, { abortEarly: true });
  if (!result.success) throw new Error(`its ${v.getDotPath(result.issues[0]) ?? 'output'} is invalid`);
  const { status } = result.output;
  if (result.output.apiVersion !== apiVersion) throw new Error(`its apiVersion is not ${apiVersion}`);
  const { token, clientCertificateData: certificate, clientKeyData: key, expirationTimestamp } = status;
  if (!token && !certificate && !key) throw new Error('it has neither a token nor a certificate');
  if (!certificate !== !key) throw new Error('it has only one of certificate and key');
  const expires = expirationTimestamp ? Date.parse(expirationTimestamp) : Number.POSITIVE_INFINITY;
  return { token, certificate, key, expires };
};

const json = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('it is not JSON');
  }
};
