import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { poolFolder } from '../cluster/machine/disk.ts';
import { type Cluster, readCluster, STATE } from '../cluster/state.ts';
import { type Outcome, outcome } from '../harness/private-node.ts';
import {
  createNamespace,
  createPreload,
  deleteNamespaces,
  kubectl,
  onNode,
  preload,
  removeNode,
  said,
  startPreload,
  status,
} from './support/commands.ts';
import { startPrivateRegistries } from './support/private-registries.ts';
import { ASKED, addPrivateRegistryNode } from './support/private-registry-node.ts';
import type { Watched } from './support/watch-processes.ts';
import { list, pod, podSpec, workload } from './support/workloads.ts';

const NODE = 'private';
const [RUN, OLD, NEW, OTHER, NAMED] = ['preloads', 'team-old', 'team-shop', 'team-tools', 'team-named'] as const;
const RIGHT = 'right-8d2f61c0';
const WRONG = 'wrong-51b7e9aa';
const auth = (password: string) => Buffer.from(`preload:${password}`).toString('base64');
const SECRETS = [RIGHT, WRONG, auth(RIGHT), auth(WRONG)];

const folder = await mkdtemp(join(tmpdir(), 'preload-private-'));
const patterns = join(folder, 'patterns');
const registries = await startPrivateRegistries(join(folder, 'registries'), RIGHT, {
  'team/app:1': 'twice:1',
  'team/alone:1': 'docker:1',
  'team/tool:1': 'zstd:1',
  'team/site:1': 'whiteouts:1',
  'team/proof:1': 'ops/probe:1.0',
  'team/node:26': 'node:26',
});
const { locked, provided, secure } = registries;
let created: Outcome;
let watched: Watched;

before(async () => {
  await writeFile(patterns, SECRETS.join('\n'));
  for (const namespace of [RUN, OLD, NEW, OTHER, NAMED]) await createNamespace(namespace);
  await addPrivateRegistryNode(NODE, '1.7', registries, RIGHT);
  await kubectl(['apply', '-f', '-'], list(objects));
  await kubectl(['wait', '-n', OTHER, '--for=condition=Ready', '--timeout=60s', 'pod/proof']);
  const stop = await watch();
  created = await outcome(startPreload(['create', 'private', '-n', RUN, '--node', NODE, '--keep']));
  watched = await stop();
});

after(async () => {
  await deleteNamespaces(RUN, OLD, NEW, OTHER, NAMED);
  await removeNode(NODE);
  await registries.stop();
  await rm(folder, { recursive: true });
});

const dockerConfig = (namespace: string, password: string, ...addresses: string[]) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { namespace, name: 'login' },
  type: 'kubernetes.io/dockerconfigjson',
  stringData: {
    '.dockerconfigjson': JSON.stringify({
      auths: Object.fromEntries(addresses.map((address) => [address, { auth: auth(password) }])),
    }),
  },
});

const unused = (namespace: string, name: string, image: string, spec = {}) =>
  workload('Deployment', namespace, name, podSpec([image], spec), { replicas: 0 });

const byLogin = { imagePullSecrets: [{ name: 'login' }] };

const objects = [
  dockerConfig(OLD, WRONG, locked),
  unused(OLD, 'app', `${locked}/team/app:1`, byLogin),
  unused(OLD, 'alone', `${locked}/team/alone:1`, byLogin),
  {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: NEW, name: 'older-form' },
    type: 'kubernetes.io/dockercfg',
    stringData: {
      '.dockercfg': JSON.stringify({ [`http://${locked}/v2/`]: { username: 'preload', password: RIGHT } }),
    },
  },
  {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { namespace: NEW, name: 'shop' },
    imagePullSecrets: [{ name: 'older-form' }],
  },
  unused(NEW, 'app', `${locked}/team/app:1`, { serviceAccountName: 'shop' }),
  dockerConfig(OTHER, RIGHT, secure),
  unused(OTHER, 'tool', `${provided}/team/tool:1`),
  unused(OTHER, 'site', `${secure}/team/site:1`, byLogin),
  pod(OTHER, 'proof', podSpec([`${provided}/team/proof:1`, `${secure}/team/proof:1`], { nodeName: NODE, ...byLogin })),
];

test('captures every image that a pull secret, the credential provider or certs.d gives access to', async () => {
  assert.equal(created.code, 0, created.stderr);
  const { images = [] } = await status(RUN, 'private');
  const names = images.flatMap((image) => image.names);
  for (const image of ['app:1', 'proof:1', 'tool:1', 'site:1']) {
    assert.ok(
      names.some((name) => name.endsWith(`/team/${image}`)),
      `${image} in ${names}`,
    );
  }
  assert.match(created.stderr, new RegExp(`^ ! ${locked} rejected pull secret ${OLD}/login$`, 'm'));
  assert.match(created.stderr, /\d+ layers pulled/);
  assert.match(await onNode(NODE, ['cat', ASKED]), new RegExp(`"image":"${provided}/team/tool"`));
});

test('if no secret works, the error lists those that were tried', async () => {
  const refused = `${locked} rejected pull secret ${OLD}/login for ${locked}/team/alone; update it`;
  assert.match(created.stderr, new RegExp(`^ ! skipped ${locked}/team/alone:1 \\(used by .*alone\\): ${refused}`, 'm'));
  const strict = await preload(['create', 'strict', '-n', RUN, '--node', NODE, '--strict']);
  assert.equal(strict.code, 1);
  assert.match(strict.stderr, new RegExp(`^error: capture failed: ${locked}/team/alone:1: ${refused}`, 'm'));
  assertHasNone(strict.stdout + strict.stderr);
});

test('no process ever has a secret in its command line or environment', async () => {
  const { rounds, seen, leaking } = watched;
  assert.deepEqual(leaking, []);
  assert.ok(rounds > 50, `${rounds} rounds`);
  for (const part of [/ export --request /, /\bctr\b.* images import /, /containerd -c .*kubectl-preload\.toml/]) {
    assert.ok(
      seen.some((commandLine) => part.test(commandLine)),
      `${part} was seen`,
    );
  }
});

test('no secret is on the volume, in the loader’s log, in events or in the record', async (t) => {
  t.diagnostic(`${watched.rounds} looks at all processes`);
  assertHasNone(created.stdout + created.stderr);
  const kinds = 'pods,configmaps,events,persistentvolumeclaims,volumesnapshots';
  const found = await kubectl(['get', kinds, '-n', RUN, '-o', 'json']);
  const { items } = JSON.parse(found) as { items: { kind: string; binaryData?: Record<string, string> }[] };
  for (const kind of ['Pod', 'ConfigMap', 'Event', 'PersistentVolumeClaim', 'VolumeSnapshot']) {
    assert.ok(
      items.some((item) => item.kind === kind),
      kind,
    );
  }
  assertHasNone(found);
  const packed = items.flatMap(({ binaryData = {} }) => Object.values(binaryData));
  const texts = packed.map((data) => gunzipSync(Buffer.from(data, 'base64')).toString());
  assert.ok(texts.some((text) => text.includes('team/app')));
  assertHasNone(texts.join());

  const log = await kubectl(['logs', '-n', RUN, 'preload-private']);
  assert.match(log, /"type":"sealed"/);
  assertHasNone(log);
  const { folder } = (await readCluster(STATE)) as Cluster;
  const { snapshotId } = await status(RUN, 'private');
  const image = join(poolFolder(folder), `${snapshotId}.img`);
  assert.ok((await count(image, '-e', 'oci-layout')) > 0);
  assert.equal(await count(image, '-f', patterns), 0);
  const logs = '/var/log/pods/preloads_preload-private_*';
  await onNode(NODE, ['sh', '-c', `cat ${logs}/*/* | grep '"type":"sealed"'`]);
  assert.equal(await onNode(NODE, ['sh', '-c', `cat ${logs}/*/* | grep -cF -f "$0" || true`, patterns]), '0\n');
});

test('--image-pull-secret is for the image of the pod and for the images named', async () => {
  await kubectl(['apply', '-f', '-'], list([dockerConfig(NAMED, RIGHT, locked)]));
  const image = `${locked}/team/alone:1`;
  const flags = ['--image', `${locked}/team/node:26`, '--image-pull-secret', 'login', '--node', NODE];
  await createPreload(NAMED, 'named', [image, ...flags]);
  const { images = [] } = await status(NAMED, 'named');
  assert.ok(images.some(({ names }) => names.includes(image)));
});

test('the process watcher detects a secret', async () => {
  for (const [argv, env] of [
    [['-c', 'read -r _', RIGHT], {}],
    [['-c', 'read -r _'], { TOKEN: auth(WRONG) }],
  ] as const) {
    const leaking = spawn('sh', argv, { env: { ...process.env, ...env } });
    const ended = outcome(leaking);
    const stop = await watch();
    const { leaking: found } = await stop();
    leaking.stdin.end();
    await ended;
    assert.deepEqual(
      found.map((commandLine) => commandLine.slice(0, 16)),
      ['sh -c read -r _ '],
    );
  }
});

/** Watches all processes of the machine until the returned function is called. */
const watch = async (): Promise<() => Promise<Watched>> => {
  const watcher = spawn(process.execPath, [join(import.meta.dirname, 'support/watch-processes.ts')]);
  const ended = outcome(watcher);
  watcher.stdin.write(`${SECRETS.join('\n')}\n\n`);
  await said(watcher.stdout, 'watching');
  return async () => {
    watcher.stdin.end();
    const { stdout } = await ended;
    return JSON.parse(stdout.slice(stdout.indexOf('{')));
  };
};

const assertHasNone = (text: string): void => {
  assert.deepEqual(
    SECRETS.filter((secret) => text.includes(secret)),
    [],
  );
};

/** How often a pattern occurs in the data of a sparse file. */
const count = async (file: string, ...pattern: string[]): Promise<number> => {
  const search = 'file=$1; shift; tar --create --sparse "$file" 2>/dev/null | grep -zacF "$@"';
  return Number((await outcome(spawn('sh', ['-c', search, 'sh', file, ...pattern]))).stdout);
};
