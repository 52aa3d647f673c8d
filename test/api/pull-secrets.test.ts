import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { loaderSecrets } from '../../src/manifests/loader.ts';
import { parse, parseJson } from '../../src/model/parse.ts';
import { SHARED_LOGINS, type SharedLogins } from '../../src/model/pull-secret.ts';
import { until } from '../cluster/machine/until.ts';
import {
  type Answer,
  at,
  type FaultyApiServer,
  FORBIDDEN,
  startFaultyApiServer,
} from '../harness/faulty-api-server.ts';
import { repetitions } from '../harness/repetitions.ts';
import { runBundle, startBundle } from '../harness/run-bundle.ts';
import { namespace, STORAGE, startTestServer } from './api-server.ts';

const COPIES = repetitions(1500, 150);
const copies = Array.from({ length: COPIES }, (_, index) => `copy-${index}`);
const BUSY: Answer = { code: 429, reason: 'TooManyRequests', message: 'too many requests', retryAfter: 0 };

const server = await startTestServer();
let faulty: FaultyApiServer;
after(async () => {
  await faulty.stop();
  await server.stop();
});

const secret = (namespace: string, name: string, auths: object) => ({
  ...{ apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name }, type: 'kubernetes.io/dockerconfigjson' },
  stringData: { '.dockerconfigjson': JSON.stringify({ auths }) },
});
const pod = (namespace: string, name: string, image: string, ...secrets: string[]) => ({
  ...{ apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name } },
  spec: { containers: [{ name: 'main', image }], imagePullSecrets: secrets.map((name) => ({ name })) },
});
const login = (password: string) => ({ username: 'robot', password });
const account = (namespace: string, ...secrets: string[]) => ({
  ...{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } },
  imagePullSecrets: secrets.map((name) => ({ name })),
});

/** Applies many groups of objects quickly: kubectl sends those of one call one after the other. */
const applyMany = async (groups: object[][]): Promise<void> => {
  const parts = [0, 1, 2, 3].map((part) => groups.filter((_, index) => index % 4 === part).flat());
  await Promise.all(parts.map((part) => server.apply(...part)));
};

before(async () => {
  faulty = await startFaultyApiServer(server.kubeconfig);
  await server.apply(...STORAGE, ...['run', 'app', 'tools', 'left-out'].flatMap((name) => namespace(name)));
  await server.apply(
    secret('run', 'own', { 'any.io': login('own') }),
    secret('run', 'named', { 'r.io': login('named'), 'other.io': login('other') }),
    account('run', 'own'),
    secret('app', 'regcred', { 'r.io': login('app'), 'other.io': login('other') }),
    secret('app', 'elsewhere', { 'elsewhere.io': login('elsewhere') }),
    pod('app', 'web', 'r.io/app:1', 'regcred', 'elsewhere', 'missing'),
    secret('tools', 'account', { '*.tools.io': login('tools') }),
    account('tools', 'account'),
    pod('tools', 'tool', 'hub.tools.io/tool:1'),
    secret('left-out', 'regcred', { 'r.io': login('left-out') }),
    pod('left-out', 'old', 'r.io/old:1', 'regcred'),
  );
});
beforeEach(() => faulty.behave(() => undefined));

const EXCLUDED = ['--exclude', 'r.io/old', '--exclude', 'same.io/,large.io/'];

interface Sent {
  names: string[];
  logins: SharedLogins[];
}

/** The pull secrets that `create` gives to its loader, which is removed again; nothing is left of them. */
const sent = async (...flags: string[]): Promise<Sent> => {
  const run = startBundle(['create', 'web', '-n', 'run', '--size', '2Gi', ...flags], { KUBECONFIG: server.kubeconfig });
  await until(
    'the loader starting',
    () => {
      assert.equal(run.child.exitCode, null, run.said.stderr);
      return run.said.stderr.includes('Starting the loader');
    },
    300,
  );
  const selected = ['get', 'secret', '-n', 'run', '-l', 'app.kubernetes.io/instance=web', '-o', 'json'];
  const { items } = JSON.parse(await server.kubectl(selected)) as {
    items: { metadata: { name: string; ownerReferences?: { kind: string }[] }; data: Record<string, string> }[];
  };
  for (const { metadata } of items) assert.equal(metadata.ownerReferences?.[0]?.kind, 'Pod');
  run.child.kill('SIGINT');
  assert.equal((await run.outcome).code, 130);
  assert.equal(JSON.parse(await server.kubectl(selected)).items.length, 0);
  const texts = items.flatMap(({ data }) =>
    Object.values(data).map((value) => Buffer.from(value, 'base64').toString()),
  );
  return {
    names: items.map(({ metadata }) => metadata.name).sort(),
    logins: texts.map((text) => parse(SHARED_LOGINS, parseJson(text))),
  };
};

/** `namespace/name` and servers of each entry. */
const summary = ({ logins }: Sent) =>
  logins.map(({ secrets, auths }) => [
    secrets.map(({ namespace, name }) => `${namespace}/${name}`),
    Object.keys(auths),
  ]);

describe('the loader gets pull secrets', () => {
  test('only for registries of the images, only from namespaces that use them and are not excluded', async () => {
    assert.deepEqual(summary(await sent(...EXCLUDED)), [
      [['app/regcred'], ['r.io']],
      [['tools/account'], ['*.tools.io']],
    ]);
  });

  test('of its own namespace for the images in the cache, and no other ones', async () => {
    assert.deepEqual(summary(await sent('--from', 'cache')), [[['run/own'], ['any.io']]]);
    assert.deepEqual(summary(await sent('--from', 'cluster,cache', ...EXCLUDED)), [
      [['app/regcred'], ['r.io']],
      [['run/own'], ['any.io']],
      [['tools/account'], ['*.tools.io']],
    ]);
  });

  test('of its own namespace for named images, if they are for their registry', async () => {
    assert.deepEqual(summary(await sent('any.io/app:1')), [[['run/own'], ['any.io']]]);
    assert.deepEqual((await sent('r.io/app:1')).names, []);
  });

  test('that --image-pull-secret names, for named images', async () => {
    assert.deepEqual(summary(await sent('r.io/app:1', '--image-pull-secret', 'named')), [[['run/named'], ['r.io']]]);
  });
});

describe('a request for a pull secret that the server', () => {
  const create = (...flags: string[]) => {
    const argv = ['create', 'web', '-n', 'run', '--dry-run=client', '-o', 'name', ...EXCLUDED, ...flags];
    return runBundle(argv, { KUBECONFIG: faulty.kubeconfig });
  };
  const READS = /^GET .*\/(secrets|serviceaccounts)\//;

  test('is too busy for is repeated', async () => {
    faulty.behave(at(READS, BUSY, 4));
    const { code, stdout, stderr } = await create();
    assert.equal(code, 0, stderr);
    assert.equal(faulty.spoilt.length, 4);
    assert.match(stdout, /^secret\/preload-web$/m);
    assert.doesNotMatch(stderr, / ! /);
  });

  for (const [what, answer] of Object.entries<Answer>({
    'is always too busy for': BUSY,
    'does not understand': { code: 400, reason: 'BadRequest', message: 'no such field' },
  })) {
    test(`${what} ends create`, async () => {
      faulty.behave(at(READS, answer));
      const { code, stdout, stderr } = await create();
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, new RegExp(`^Error from server \\(${answer.reason}\\): ${answer.message}$`, 'm'));
    });
  }

  test('forbids leaves out that secret, with a warning', async () => {
    faulty.behave(at(/^GET .*\/namespaces\/app\/secrets\/regcred/, FORBIDDEN));
    const { code, stdout, stderr } = await create();
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^secret\/preload-web$/m);
    assert.match(stderr, /^ ! cannot read Secret app\/regcred, so it is not used to pull images: a webhook denied/m);
  });
});

test('Secrets that an interrupted run left do not stay for ever: the next run says how to remove them', async () => {
  const left = loaderSecrets({ name: 'web', namespace: 'run', version: '1' }, [
    { secrets: [{ namespace: 'app', name: 'regcred' }], auths: { 'r.io': login('x'.repeat(600_000)) } },
    { secrets: [{ namespace: 'tools', name: 'account' }], auths: { 'r.io': login('y'.repeat(600_000)) } },
  ]);
  assert.equal(left.length, 2);
  await server.apply(...left);
  const { code, stderr } = await server.preload('create', 'web', '-n', 'run', ...EXCLUDED);
  assert.equal(code, 1);
  assert.match(stderr, /^error: secret\/preload-web already exists: preload "web" is still being created, or/m);
  const command = /: kubectl (delete .*)$/m.exec(stderr)?.[1];
  await server.kubectl(command?.split(' ') ?? []);
  const secrets = (await server.objects('Secret')).filter((object) => object.startsWith('Secret/run/'));
  assert.deepEqual(secrets, ['Secret/run/named', 'Secret/run/own']);
});

test(`the same pull secret in ${COPIES} namespaces is sent once`, async () => {
  await applyMany(copies.map((name) => namespace(name)));
  const auths = { 'same.io': login('x'.repeat(600)) };
  await applyMany(copies.map((name) => [secret(name, 'regcred', auths), pod(name, 'app', 'same.io/app:1', 'regcred')]));
  const { names, logins } = await sent('--exclude', 'r.io/,hub.tools.io/,large.io/');
  assert.deepEqual(names, ['preload-web']);
  assert.equal(logins.length, 1);
  const paths = logins[0]?.secrets.map(({ namespace, name }) => `${namespace}/${name}`);
  assert.deepEqual(paths, copies.map((name) => `${name}/regcred`).sort());
  assert.deepEqual(logins[0]?.auths['same.io'], { ...auths['same.io'], auth: '', identitytoken: '' });
});

test('pull secrets of more than a mebibyte are divided among several Secrets', async () => {
  const large = (index: number) => secret('app', `large-${index}`, { 'large.io': login(`${index}`.repeat(400_000)) });
  await server.apply(...[1, 2, 3].map(large), pod('app', 'large', 'large.io/app:1', 'large-1', 'large-2', 'large-3'));
  const { names, logins } = await sent(...EXCLUDED.slice(0, 2), '--exclude', 'r.io/,hub.tools.io/,same.io/');
  assert.deepEqual(names, ['preload-web', 'preload-web.2']);
  assert.deepEqual(
    logins.map(({ secrets }) => secrets[0]?.name),
    ['large-1', 'large-2', 'large-3'],
  );
});
