import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { traceCommands } from '../../../src/node/command.ts';
import { createRegistryClient } from '../../../src/registry/client.ts';
import { PATIENCE, type Patience } from '../../../src/registry/persist.ts';
import { until } from '../../cluster/machine/until.ts';
import { whileRunning } from './node-daemon.ts';
import { makeRunnable, writeNodeFiles } from './node-folder.ts';
import { passwordAuth, startRegistry } from './server.ts';

const PASSWORD = 'open-sesame-1b2d';
const FAILED = 'credential provider bad-provider failed; run it on the node to see why';

const folder = await mkdtemp(join(tmpdir(), 'preload-providers-'));
const registry = await startRegistry(folder, 'locked', { auth: await passwordAuth(folder, PASSWORD) });
const root = join(folder, 'node');
await makeRunnable(root);
await writeNodeFiles(root, {
  'dev/null': '', // for processes in the background
  'etc/providers.yaml': `kind: CredentialProviderConfig
providers:
- name: bad-provider
  apiVersion: credentialprovider.kubelet.k8s.io/v1
  matchImages: ["127.0.0.1:${registry.address.split(':')[1]}"]
`,
});
const args = ['--image-credential-provider-config=/etc/providers.yaml', '--image-credential-provider-bin-dir=/opt'];

after(async () => {
  await registry.stop();
  await rm(folder, { recursive: true });
});

/** Asks the registry on a node with a credential provider that does this. Expects a failure; returns the warnings. */
const askWith = async (
  script: string,
  { patience = PATIENCE, signal }: { patience?: Patience; signal?: AbortSignal },
  failure: RegExp,
): Promise<string[]> => {
  await writeNodeFiles(root, { 'opt/bad-provider': `#!/bin/sh\n${script}` });
  const warnings: string[] = [];
  await whileRunning(root, 'kubelet', { args }, async () => {
    const report = (warning: string) => warnings.push(warning);
    const client = await createRegistryClient({ root, pullSecrets: [], report, patience });
    const image = { source: { domain: registry.address, path: 'team/app', tag: '1' }, namespaces: [] };
    const { signal: never } = new AbortController();
    await assert.rejects(client.fetchManifest(image, signal ?? never), failure).finally(() => client.close());
  });
  return warnings;
};

const HANGS = `trap '' TERM INT HUP
sleep 1000 &
echo $$ $! >/pids
wait
`;

const startedPids = async (): Promise<string[]> =>
  (await readFile(join(root, 'pids'), 'utf8').catch(() => '')).trim().split(' ').filter(Boolean);

/** Waits until the provider and its child have ended; a process that has ended but still has a PID has no arguments. */
const allGone = async (): Promise<void> => {
  const pids = await startedPids();
  assert.equal(pids.length, 2);
  for (const pid of pids) {
    await until(`process ${pid} to end`, async () => {
      return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')) === '';
    });
  }
  await rm(join(root, 'pids'));
};

test('a credential provider that hangs is killed with what it started', { timeout: 30_000 }, async () => {
  const warnings = await askWith(HANGS, { patience: { ...PATIENCE, plugin: 500 } }, /requires credentials/);
  assert.deepEqual(warnings, [FAILED]);
  await allGone();
});

test('a fetch that is stopped does not wait for a credential provider', { timeout: 30_000 }, async () => {
  const stop = new AbortController();
  const asked = askWith(HANGS, { signal: stop.signal }, /stopped/);
  await until('the credential provider to run', async () => (await startedPids()).length === 2);
  stop.abort(new Error('stopped'));
  assert.deepEqual(await asked, []);
  await allGone();
});

test('a credential provider that prints without end is killed', { timeout: 30_000 }, async () => {
  assert.deepEqual(await askWith('while :; do cat /bin/busybox; done\n', {}, /requires credentials/), [FAILED]);
});

test('a credential provider that leaves a child with its output does not hold up the fetch', {
  timeout: 30_000,
}, async () => {
  const patience = { ...PATIENCE, plugin: 500 };
  const warnings = await askWith('sleep 1000 &\necho $$ $! >/pids\n', { patience }, /requires credentials/);
  assert.deepEqual(warnings, [FAILED]);
  await allGone();
});

test('--debug does not show what a credential provider says', async () => {
  const lines: string[] = [];
  traceCommands((line) => lines.push(line));
  const warnings = await askWith(`echo ${PASSWORD}\necho ${PASSWORD} >&2\nexit 1\n`, {}, /requires credentials/);
  assert.deepEqual(warnings, [FAILED]);
  assert.ok(lines.some((line) => line.endsWith('/opt/bad-provider: 1')));
  assert.ok(!lines.join().includes(PASSWORD));
});
