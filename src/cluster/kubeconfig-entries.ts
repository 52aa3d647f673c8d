import * as v from 'valibot';
import { PreloadError } from '../model/errors.ts';
import { object, plain } from '../model/parse.ts';
import { isApiVersion, MODES } from './exec-credential.ts';
import type { Fields } from './kubeconfig.ts';

const FIELD = v.nullish(v.string('must be text'), '');
const SWITCH = v.nullish(v.boolean('must be true or false'), false);
const WORDS = v.nullish(v.array(v.string('must be text'), 'must be a list'), []);

const CLUSTER = object({
  server: FIELD,
  'tls-server-name': FIELD,
  'insecure-skip-tls-verify': SWITCH,
  'certificate-authority': FIELD,
  'certificate-authority-data': FIELD,
  'proxy-url': FIELD,
  'disable-compression': SWITCH,
  extensions: v.nullish(v.array(object({ name: v.string(), extension: v.unknown() })), []),
});

const EXEC = object({
  apiVersion: FIELD,
  command: FIELD,
  args: WORDS,
  env: v.nullish(v.array(object({ name: FIELD, value: FIELD })), []),
  installHint: FIELD,
  interactiveMode: FIELD,
  provideClusterInfo: SWITCH,
});

const USER = object({
  token: FIELD,
  tokenFile: FIELD,
  username: FIELD,
  password: FIELD,
  'client-certificate': FIELD,
  'client-certificate-data': FIELD,
  'client-key': FIELD,
  'client-key-data': FIELD,
  exec: v.nullish(EXEC),
  'auth-provider': v.nullish(object({ name: FIELD, config: v.nullish(v.record(v.string(), v.string()), {}) })),
  as: FIELD,
  'as-uid': FIELD,
  'as-groups': WORDS,
  'as-user-extra': v.nullish(v.record(v.string(), v.array(v.string('must be text'))), {}),
});

const CONTEXT = object({ cluster: FIELD, user: FIELD, namespace: FIELD });

/** A server as a kubeconfig describes it; what is not set is empty. */
export type ClusterEntry = v.InferOutput<typeof CLUSTER>;
export type UserEntry = v.InferOutput<typeof USER>;
export type ExecEntry = v.InferOutput<typeof EXEC>;

/** An error about a kubeconfig that was read and cannot be used. */
export const unusable = (problem: string, hint?: string): PreloadError =>
  new PreloadError(
    `cannot use the kubeconfig: ${problem}`,
    hint ?? 'check the credentials of the current context; kubectl should fail in the same way',
  );

export const parseContext = (fields: Fields, what: string): v.InferOutput<typeof CONTEXT> =>
  read(CONTEXT, fields, what);

/** Throws PreloadError if client-go would not use the entry. */
export const parseCluster = (fields: Fields, what: string): ClusterEntry => {
  const cluster = read(CLUSTER, fields, what);
  refuseIf(what, [
    [!cluster.server, 'it has no server'],
    [!isServer(cluster.server), 'its server is not a valid URL'],
    [!!cluster['proxy-url'] && !isProxy(cluster['proxy-url']), 'its proxy-url must be http://, https:// or socks5://'],
    [both(cluster, 'certificate-authority'), 'it has both certificate-authority and certificate-authority-data'],
    [
      cluster['insecure-skip-tls-verify'] && hasCa(cluster) && cluster.server.startsWith('https:'),
      'insecure-skip-tls-verify cannot be combined with a certificate authority',
    ],
  ]);
  return cluster;
};

const hasCa = (cluster: ClusterEntry): boolean =>
  !!(cluster['certificate-authority'] || cluster['certificate-authority-data']);

/** Throws PreloadError if client-go would not use the entry. */
export const parseUser = (fields: Fields, what: string): UserEntry => {
  const user = read(USER, fields, what);
  const { exec, 'auth-provider': provider } = user;
  if (exec && !exec.interactiveMode && exec.apiVersion.endsWith('/v1beta1')) exec.interactiveMode = 'IfAvailable';
  const hasCertificate = user['client-certificate'] || user['client-certificate-data'];
  const others = user['as-uid'] || user['as-groups'].length > 0 || Object.keys(user['as-user-extra']).length > 0;
  refuseIf(what, [
    [!!user.token && hasPassword(user), 'it has both a token and a password'],
    [both(user, 'client-certificate'), 'it has both client-certificate and client-certificate-data'],
    [!!hasCertificate && both(user, 'client-key'), 'it has both client-key and client-key-data'],
    [!!hasCertificate && !user['client-key'] && !user['client-key-data'], 'it has a client certificate but no key'],
    [!!exec && !!provider, 'it has both exec and auth-provider'],
    [exec?.command === '', 'exec has no command'],
    [!!exec && !isApiVersion(exec.apiVersion), `exec has the unknown apiVersion "${exec?.apiVersion}"`],
    [!!exec?.env.some(({ name }) => !name), 'a variable of exec has no name'],
    [!!exec && !MODES.includes(exec.interactiveMode), `exec needs an interactiveMode of ${MODES.join(', ')}`],
    [!!provider && provider.name !== 'oidc', `kubectl has no auth-provider "${provider?.name}" any more`],
    [!!others && !user.as, 'as-uid, as-groups and as-user-extra need as'],
  ]);
  return user;
};

/** Whether it logs in with a password, which API servers no longer support. */
export const hasPassword = ({ username, password }: UserEntry): boolean => !!(username || password);

/** Like client-go, takes a server without a scheme for http. */
export const serverUrl = (server: string): URL => new URL(server.includes('://') ? server : `http://${server}`);

const isServer = (server: string): boolean => {
  try {
    const { protocol, username } = serverUrl(server);
    return ['http:', 'https:'].includes(protocol) && !username;
  } catch {
    return false;
  }
};

const isProxy = (text: string): boolean =>
  URL.canParse(text) && ['http:', 'https:', 'socks5:'].includes(new URL(text).protocol);

const both = <K extends string>(fields: Record<K | `${K}-data`, string>, name: K): boolean =>
  fields[name] !== '' && fields[`${name}-data`] !== '';

/** Does not quote what is wrong: it may be a secret. */
const read = <S extends v.GenericSchema>(schema: S, fields: Fields, what: string): v.InferOutput<S> => {
  const result = v.safeParse(schema, fields, { abortEarly: true, message: 'has the wrong type' });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw unusable(plain(`${what}: ${v.getDotPath(issue)} ${issue.message}`));
};

const refuseIf = (what: string, problems: readonly (readonly [boolean, string])[]): void => {
  const found = problems.find(([isWrong]) => isWrong);
  if (found) throw unusable(plain(`${what}: ${found[1]}`));
};
