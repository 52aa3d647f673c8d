import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cluster, connect } from '../../src/cluster/connection.ts';
import { sendForJson } from '../../src/cluster/rest.ts';
import { context, entry } from './both-programs.ts';
import { CLUSTER, FAR, folder, PROXY, plugin, proxies, SOCKS, save, TLS_PROXY, token, url } from './login-parts.ts';

/** How many connections proxies have opened since the last call. */
const opened = (): number => proxies.flatMap(({ forwarded }) => forwarded.splice(0)).length;

const login = async (name: string, user: object, cluster: object = {}): Promise<Cluster> => {
  const config = {
    ...context('x', 'y'),
    ...entry('cluster', 'x', { ...CLUSTER, ...cluster }),
    ...entry('user', 'y', user),
  };
  const kubeconfig = await save(`config/${name}`, JSON.stringify(config));
  return connect({ kubeconfig, requestTimeout: 10_000 }, process.env, assert.fail);
};

const whoami = (cluster: Cluster): Promise<unknown> =>
  sendForJson(cluster, '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
    method: 'POST',
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
  });

describe('requests share connections, which every proxy counts', () => {
  for (const [title, proxy] of Object.entries({ CONNECT: PROXY, TLS: TLS_PROXY, SOCKS })) {
    test(title, async () => {
      const cluster = await login('pool', { token }, { ...FAR, 'proxy-url': proxy });
      opened();
      for (let round = 0; round < 20; round += 1) await whoami(cluster);
      assert.ok(opened() <= 2);
      for (let round = 0; round < 10; round += 1) await Promise.all(Array.from({ length: 4 }, () => whoami(cluster)));
      assert.ok(opened() <= 8); // a connection may be free a moment after its answer
    });
  }
});

test('a connection survives the pause between two polls', async () => {
  const cluster = await login('pause', { token }, { ...FAR, 'proxy-url': PROXY });
  await whoami(cluster);
  opened();
  await sleep(6000); // more than undici's default
  await whoami(cluster);
  assert.equal(opened(), 0);
});

describe('credentials that the server refuses', () => {
  const runs = async (name: string): Promise<number> => (await readFile(`${folder}/runs-${name}`, 'utf8')).length;
  const counting = async (name: string, status: object) => ({
    exec: await plugin(name, status, 'v1', `printf x >> ${folder}/runs-${name}`),
  });

  test('a plugin runs once for all requests if its token does not expire', async () => {
    const cluster = await login('lasting', await counting('lasting', { token }));
    await Promise.all([whoami(cluster), whoami(cluster)]);
    assert.equal(await cluster.authenticate(), await cluster.authenticate());
    assert.equal(await runs('lasting'), 1);
  });

  test('a plugin runs again if its token has expired', async () => {
    const cluster = await login(
      'expired',
      await counting('expired', { token, expirationTimestamp: '2020-01-01T00:00:00Z' }),
    );
    await whoami(cluster);
    assert.equal(await runs('expired'), 2);
  });

  test('a plugin runs again after a refusal, once for all requests that were refused', async () => {
    const user = await counting('changing', { token: 'wrong' });
    const cluster = await login('changing', user);
    const refused = await cluster.authenticate();
    await assert.rejects(whoami(cluster), /Unauthorized/);
    await counting('changing', { token });
    const before = await runs('changing');
    const renewed = await Promise.all([cluster.authenticate(refused), cluster.authenticate(refused)]);
    assert.notEqual(renewed[0], refused);
    assert.equal(renewed[0], renewed[1]);
    await whoami(cluster);
    assert.equal(await runs('changing'), before + 1);
  });

  test('a token file is read again', async () => {
    const tokenFile = await save('changing-token', 'wrong');
    const cluster = await login('file', { tokenFile });
    const refused = await cluster.authenticate();
    await assert.rejects(whoami(cluster), /Unauthorized/);
    await save('changing-token', token);
    assert.notEqual(await cluster.authenticate(refused), refused);
    await whoami(cluster);
  });

  test('a token in the kubeconfig cannot be renewed', async () => {
    const cluster = await login('fixed', { token: 'wrong' });
    const refused = await cluster.authenticate();
    assert.equal(await cluster.authenticate(refused), refused);
  });
});

test('the address has no slash at its end', async () => {
  assert.equal((await login('slash', { token }, { server: `${url}/` })).server, url);
});
