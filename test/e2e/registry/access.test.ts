import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { inspect } from 'node:util';
import { createRegistryClient, type RegistryClientOptions } from '../../../src/registry/client.ts';
import type { PullSecret } from '../../../src/registry/credentials.ts';
import { certificate, createAuthority, issue, privateKey } from '../../cluster/machine/pki.ts';
import { fetchImage } from './fetch-image.ts';
import { pushImage } from './image.ts';
import { writeNodeFiles } from './node-folder.ts';
import { passwordAuth, startRegistry } from './server.ts';
import { startTokenServer } from './token-server.ts';

const RIGHT = 'right-6f1c9a';
const WRONG = 'wrong-77ab0e';
const IDENTITY = 'identity-token-51dd';
const SIGNAL = new AbortController().signal;

const folder = await mkdtemp(join(tmpdir(), 'preload-registry-'));
const emptyNode = join(folder, 'empty-node');
const said: string[] = [];
const stops: (() => Promise<unknown>)[] = [];

const open = await startRegistry(folder, 'open');
stops.push(open.stop);
const image = await pushImage(open.address, 'team/app', folder, 3_000_000);

after(async () => {
  for (const stop of stops.reverse()) await stop();
  await rm(folder, { recursive: true });
});

const secret = (name: string, config: object): PullSecret => {
  const [namespace = '', secretName = ''] = name.split('/');
  return { namespace, name: secretName, config: JSON.stringify(config) };
};

const auth = (password: string) => ({ auth: Buffer.from(`preload:${password}`).toString('base64') });

/** Remembers what the client had to say, to search it for secrets. */
const fetchAll = async (
  domain: string,
  options: Partial<RegistryClientOptions> = {},
  namespaces = ['a', 'b'],
): Promise<string[]> => {
  try {
    const warnings = await fetchImage(image, domain, { options, namespaces, folder });
    said.push(...warnings);
    return warnings;
  } catch (error) {
    said.push(inspect(error));
    throw error;
  }
};

test('a public registry', async () => {
  assert.deepEqual(await fetchAll(open.address), []);
});

test('a registry with passwords', async (t) => {
  const registry = await startRegistry(folder, 'passwords', { auth: await passwordAuth(folder, RIGHT) });
  stops.push(registry.stop);
  const { address } = registry;
  const wrong = secret('a/old', { auths: { [address]: auth(WRONG) } });
  const right = secret('b/new', { [`http://${address}/v2/`]: { username: 'preload', password: RIGHT } });

  await t.test('tries all pull secrets of the namespaces that use the image', async () => {
    const warnings = await fetchAll(address, { pullSecrets: [wrong, right] });
    assert.deepEqual(warnings, [`${address} rejected pull secret a/old`]);
  });
  await t.test('and no others', async () => {
    await assert.rejects(fetchAll(address, { pullSecrets: [wrong, right] }, ['a']), {
      kind: 'final',
      message: `${address} rejected pull secret a/old for ${address}/team/app; update it, or check the name`,
    });
  });
  await t.test('reports that credentials are missing', async () => {
    await assert.rejects(
      fetchAll(address),
      /requires credentials for .*team\/app; add a pull secret in a namespace that uses it/,
    );
  });
  await t.test('an invalid secret does no harm', async () => {
    const broken = { namespace: 'a', name: 'broken', config: `{"auths": "${WRONG}` };
    assert.deepEqual(await fetchAll(address, { pullSecrets: [broken, right] }), [
      'pull secret a/broken is not a Docker configuration',
    ]);
  });
  await t.test('uses the kubelet’s own credentials', async () => {
    const root = join(folder, 'logged-in-node');
    const config = JSON.stringify({ auths: { '*.0.0.1:1': auth(WRONG), [address]: auth(RIGHT) } });
    await writeNodeFiles(root, { 'var/lib/kubelet/config.json': config });
    assert.deepEqual(await fetchAll(address, { root }), []);
  });
});

test('a registry with tokens', async (t) => {
  await createAuthority(folder);
  await issue(folder, { name: 'signer', addresses: ['DNS:signer'] });
  const tokens = await startTokenServer(
    {
      key: privateKey(folder, 'signer'),
      certificate: certificate(folder, 'signer'),
      authority: certificate(folder, 'ca'),
    },
    { logins: [`preload:${RIGHT}`], identityTokens: [IDENTITY], anonymous: 'public/' },
  );
  stops.push(tokens.stop);
  const registry = await startRegistry(folder, 'tokens', { auth: tokens.auth });
  stops.push(registry.stop);
  const { address } = registry;
  const wrong = secret('a/old', { auths: { [`${address}/team`]: auth(WRONG) } });

  await t.test('a wrong password, then the right one', async () => {
    const right = secret('a/new', { auths: { [address]: auth(RIGHT) } });
    const warnings = await fetchAll(address, { pullSecrets: [right, wrong] });
    assert.deepEqual(warnings, [`${address} rejected pull secret a/old`], 'the longer path comes first');
  });
  await t.test('an identity token', async () => {
    const identity = secret('a/identity', { auths: { [address]: { identitytoken: IDENTITY } } });
    assert.deepEqual(await fetchAll(address, { pullSecrets: [identity] }), []);
  });
  await t.test('a token that gives no access', async () => {
    await assert.rejects(fetchAll(address, { pullSecrets: [wrong] }), /rejected pull secret a\/old/);
  });
  await t.test('anonymously, if every secret is refused', async () => {
    await pushImage(open.address, 'public/app', folder, 1000);
    const warnings: string[] = [];
    const report = (warning: string) => warnings.push(warning);
    const everywhere = secret('a/old', { auths: { [address]: auth(WRONG) } });
    const client = await createRegistryClient({ root: emptyNode, pullSecrets: [everywhere], report });
    await client.fetchManifest(
      { source: { domain: address, path: 'public/app', tag: '1' }, namespaces: ['a'] },
      SIGNAL,
    );
    await client.close();
    assert.deepEqual(warnings, [`${address} rejected pull secret a/old`]);
  });
});

test('a registry with TLS and its own CA', async (t) => {
  await createAuthority(folder);
  await issue(folder, { name: 'server', addresses: ['IP:127.0.0.1'] });
  await issue(folder, { name: 'client' });
  const [authority, key] = [certificate(folder, 'ca'), privateKey(folder, 'server')];
  const tls = { certificate: certificate(folder, 'server'), key };
  const registry = await startRegistry(folder, 'tls', { tls });
  const strict = await startRegistry(folder, 'client-tls', { tls: { ...tls, clientcas: [authority] } });
  stops.push(registry.stop, strict.stop);
  const { address } = registry;
  const ca = await readFile(authority, 'utf8');
  const certs = (registryAddress: string) => `etc/containerd/certs.d/${registryAddress.replace(/:(.*)/, '_$1_')}`;
  let nodes = 0;
  const node = async (files: Record<string, string>) => {
    nodes += 1;
    const root = join(folder, `tls-node-${nodes}`);
    await writeNodeFiles(root, files);
    return { root };
  };

  await t.test('is rejected by a node that does not trust the CA', async () => {
    const hosts = `server = "https://${address}"\n`;
    await assert.rejects(fetchAll(address, await node({ [`${certs(address)}/hosts.toml`]: hosts })), {
      message: /^the certificate of 127\.0\.0\.1:\d+ is not trusted \([A-Z_]+\); add its CA to the node's certs\.d$/,
      kind: 'final',
    });
  });
  await t.test('is trusted because of ca in hosts.toml', async () => {
    const hosts = `[host."https://${address}"]\n  ca = "own-ca.pem"\n`;
    const files = { [`${certs(address)}/hosts.toml`]: hosts, [`${certs(address)}/own-ca.pem`]: ca };
    assert.deepEqual(await fetchAll(address, await node(files)), []);
  });
  await t.test('is trusted because of its own certificate in hosts.toml', async () => {
    const hosts = `server = "https://${address}"\nca = "server.pem"\n`;
    const own = await readFile(certificate(folder, 'server'), 'utf8');
    const files = { [`${certs(address)}/hosts.toml`]: hosts, [`${certs(address)}/server.pem`]: own };
    assert.deepEqual(await fetchAll(address, await node(files)), []);
  });
  await t.test('is accepted with skip_verify', async () => {
    const hosts = `server = "https://${address}"\nskip_verify = true\n`;
    assert.deepEqual(await fetchAll(address, await node({ 'etc/containerd/certs.d/_default/hosts.toml': hosts })), []);
  });
  await t.test('is trusted because of the node’s own CA certificates', async () => {
    const files = {
      'etc/ssl/certs/ca-certificates.crt': ca,
      [`${certs(address)}/hosts.toml`]: `server = "https://${address}"\n`,
    };
    assert.deepEqual(await fetchAll(address, await node(files)), []);
  });
  await t.test('is trusted because of Docker’s certificate files', async () => {
    assert.deepEqual(await fetchAll(address, await node({ [`etc/docker/certs.d/${address}/own.crt`]: ca })), []);
  });
  await t.test('gets the client certificate that it requires', async () => {
    const hosts = `server = "https://${strict.address}"\nca = "ca.pem"\nclient = [["/etc/client.crt", "/etc/client.key"]]\n`;
    const files = { [`${certs(strict.address)}/hosts.toml`]: hosts, [`${certs(strict.address)}/ca.pem`]: ca };
    const client = {
      'etc/client.crt': await readFile(certificate(folder, 'client'), 'utf8'),
      'etc/client.key': await readFile(privateKey(folder, 'client'), 'utf8'),
    };
    assert.deepEqual(await fetchAll(strict.address, await node({ ...files, ...client })), []);
  });
});

test('no message contains a secret', () => {
  assert.ok(said.length > 5);
  const encoded = [RIGHT, WRONG].map((password) => auth(password).auth);
  for (const password of [RIGHT, WRONG, IDENTITY, ...encoded]) {
    assert.ok(!said.join('\n').includes(password), `${password} in what was said`);
  }
});
