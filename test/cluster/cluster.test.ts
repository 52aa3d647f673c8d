import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { adminKubectl } from './control-plane/control-plane.ts';
import type { Kubectl } from './control-plane/kubeconfig.ts';
import { members } from './machine/cgroups.ts';
import { poolFolder } from './machine/disk.ts';
import { answers, exists } from './machine/probes.ts';
import { run } from './machine/run.ts';
import { tracesOf } from './machine/traces.ts';
import { until } from './machine/until.ts';
import { type Cluster, clusterId, readCluster } from './state.ts';

const folder = await mkdtemp('/var/tmp/kpl-test-');
const id = clusterId(folder);
let cluster: Cluster;
let kubectl: Kubectl;

interface Answer {
  code: number;
  stdout: string;
}

const start = (args: string[]): ChildProcess => {
  const main = join(import.meta.dirname, 'main.ts');
  const env = { ...process.env, KUBECTL_PRELOAD_CLUSTER_STATE: folder };
  return spawn(process.execPath, [main, ...args], { env, stdio: ['ignore', 'pipe', 'inherit'] });
};

const call = async (args: string[]): Promise<Answer> => {
  const child = start(args);
  let stdout = '';
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
  });
  const [code] = await once(child, 'close');
  return { code, stdout };
};

/** Puts an image into the CSI driver's pool, as its CreateSnapshot would. */
const snapshot = async (handle: string, restore: string): Promise<void> => {
  const content = join(folder, handle);
  await mkdir(content);
  await writeFile(join(content, 'restore.sh'), `#!/bin/sh\n${restore}\n`, { mode: 0o755 });
  await run(['mke2fs', '-q', '-t', 'ext4', '-d', content, join(poolFolder(folder), `${handle}.img`), '16M']);
};

const server = (node: string): object => {
  const serve = `echo on ${node}; mkdir /srv; echo on ${node} >/srv/hello; exec httpd -f -p 8080 -h /srv`;
  const image = `127.0.0.1:${cluster.ports.registry}/sample/busybox:1.36`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `on-${node}` },
    spec: { nodeName: node, containers: [{ name: 'server', image, command: ['sh', '-c', serve] }] },
  };
};

before(async () => {
  const killed = start(['up']);
  await until('a control plane', () => exists(join(folder, 'logs/kube-apiserver.log')), 900);
  killed.kill('SIGKILL');
  assert.equal((await call(['up'])).code, 0); // cleans what the killed one left
  cluster = (await readCluster(folder)) as Cluster;
  kubectl = await adminKubectl(cluster);
});

after(async () => {
  await call(['down']);
});

test('up keeps what runs and restarts what was killed', async () => {
  const etcd = await members(join(id, 'etcd'));
  const killed = ['kube-scheduler', 'csi-provisioner-disk', 'worker/kubelet', 'worker/containerd'];
  for (const name of killed) {
    for (const pid of await members(join(id, name))) process.kill(pid, 'SIGKILL');
  }
  assert.equal((await call(['up'])).code, 0);
  assert.deepEqual(await members(join(id, 'etcd')), etcd);
  for (const name of killed) assert.notDeepEqual(await members(join(id, name)), []);
});

test('env points a shell at the cluster', async () => {
  const { stdout } = await call(['env']);
  const seen = await run(['sh', '-c', `${stdout}\nkubectl get nodes -o name; echo "$REGISTRY $(node --version)"`]);
  assert.equal(seen, `node/worker\n127.0.0.1:${cluster.ports.registry} ${process.version}\n`);
});

test('a node has its snapshot at /preload and is restored before it has a kubelet', async () => {
  const kubelet = `pgrep --full '${folder}.*--hostname-override=n16'`;
  await snapshot('snap-good', `ctr version >&2 && [ "$*" = "--mode copy" ] && ! ${kubelet}`);
  const added = await call([
    'node',
    'add',
    'n16',
    '--containerd',
    '1.6',
    '--snapshot',
    'snap-good',
    '--restore',
    '--mode copy',
  ]);
  assert.equal(added.code, 0);
  const { seconds, ...rest } = JSON.parse(added.stdout);
  assert.deepEqual(rest, { node: 'n16', exitCode: 0 });
  assert.equal(typeof seconds, 'number');
  assert.match((await call(['node', 'exec', 'n16', '--', 'grep', ' /preload ', '/proc/mounts'])).stdout, / ext4 ro,/);
  assert.match((await call(['node', 'exec', 'n16', '--', 'ctr', '--version'])).stdout, / 1\.6\./);
  assert.equal((await call(['node', 'exec', 'n16', '--', 'sh', '-c', 'exit 7'])).code, 7);
});

test('a restore that fails leaves a node without a kubelet', async () => {
  await snapshot('snap-bad', 'exit 3');
  const added = await call(['node', 'add', 'broken', '--snapshot', 'snap-bad']);
  assert.equal(added.code, 1);
  assert.equal(JSON.parse(added.stdout).exitCode, 3);
  assert.doesNotMatch(await kubectl(['get', 'nodes', '-o', 'name']), /broken/);
});

test('what a node writes outside its own folders does not reach the machine', async () => {
  const file = `/etc/${id}`;
  await call(['node', 'exec', 'worker', '--', 'sh', '-c', `: >${file}; : >/run/${id}`]);
  assert.equal(await exists(file), false);
  assert.equal(await exists(`/run/${id}`), false);
});

test('pods run on every version of containerd, with logs, exec and a network', async () => {
  await call(['images']);
  await call(['node', 'add', 'n17', '--containerd', '1.7']);
  const nodes = ['worker', 'n16', 'n17'];
  await kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: nodes.map(server) }));
  await kubectl(['wait', '--for=condition=Ready', '--timeout=90s', ...nodes.map((node) => `pod/on-${node}`)]);
  const address = await kubectl(['get', 'pod', 'on-n17', '-o', 'jsonpath={.status.podIP}']);
  for (const node of nodes) {
    assert.equal(await kubectl(['logs', `on-${node}`]), `on ${node}\n`);
    const fetched = await kubectl(['exec', `on-${node}`, '--', 'wget', '-qO-', `http://${address}:8080/hello`]);
    assert.equal(fetched, 'on n17\n');
  }
});

test('removing a node removes its pods, its object and its devices', async () => {
  assert.equal((await call(['node', 'rm', 'n16'])).code, 0);
  assert.equal(
    await kubectl(['get', 'node,pod', '--ignore-not-found', '-o', 'name', '--field-selector', 'metadata.name=n16']),
    '',
  );
  assert.deepEqual(await members(join(id, 'n16')), []);
  const { loops } = await tracesOf(folder);
  assert.doesNotMatch(loops.join(), /n16/);
});

test('the registries can be stopped and restarted', async () => {
  const registry = `http://127.0.0.1:${cluster.ports.registry}/v2/`;
  const withPassword = `http://127.0.0.1:${cluster.ports.privateRegistry}/v2/`;
  assert.equal(await answers(withPassword, [401]), true);
  await call(['registry', 'stop']);
  assert.equal(await answers(registry, [200]), false);
  await call(['registry', 'start']);
  assert.equal(await answers(registry, [200]), true);
});

test('down leaves nothing, even after kills', async () => {
  const veths = await run(['ip', '-oneline', 'link', 'show', 'master', id]);
  assert.notEqual(veths, '');
  for (const [kind, found] of Object.entries(await tracesOf(folder))) assert.notDeepEqual(found, [], kind);
  for (const name of ['worker/root', 'worker/containerd', 'csi-disk', 'etcd']) {
    for (const pid of await members(join(id, name))) process.kill(pid, 'SIGKILL');
  }
  assert.equal((await call(['down'])).code, 0);
  const none = { mounts: [], loops: [], links: [], cgroups: [], processes: [], files: [] };
  assert.deepEqual(await tracesOf(folder), none);
  const links = await run(['ip', '-oneline', 'link', 'show']);
  for (const [, name = ''] of veths.matchAll(/ (veth\w+)/g)) assert.equal(links.includes(name), false);
});
