import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { run } from '../cluster/machine/run.ts';
import { PRIVATE_PASSWORD, PRIVATE_USER, privateRegistry } from '../cluster/registry.ts';
import { type Cluster, readCluster, STATE } from '../cluster/state.ts';
import { sample } from '../harness/sample.ts';
import {
  addNodeWith,
  cluster,
  createNamespace,
  createPreload,
  deleteNamespaces,
  kubectl,
  preload,
  removeNode,
  status,
} from './support/commands.ts';
import { pod, podSpec } from './support/workloads.ts';

const NAMESPACE = 'agents';
// 1.6 has its usual root, a link to /mnt; 2 has its root in /mnt, and is part of a larger program, as in k3s
const VERSIONS = ['1.6', '2'];
const nodeOf = (version: string): string => `agent-${version.replace('.', '-')}`;
const USED = ['shop/web:1.4', 'node:26'].map(sample);

const locked = `${privateRegistry((await readCluster(STATE)) as Cluster)}/team/app:1`;

before(async () => {
  const creds = `--dest-creds=${PRIVATE_USER}:${PRIVATE_PASSWORD}`;
  const copy = ['skopeo', 'copy', '--src-tls-verify=false', '--dest-tls-verify=false', creds];
  await run([...copy, `docker://${sample('twice:1')}`, `docker://${locked}`]);
  await createNamespace(NAMESPACE);
  for (const version of VERSIONS) {
    const node = nodeOf(version);
    await addNodeWith(node, '--containerd', version, '--own');
    await kubectl(['apply', '-f', '-'], pod(NAMESPACE, node, podSpec(USED, { nodeName: node })));
    await kubectl(['wait', '-n', NAMESPACE, '--for=condition=Ready', '--timeout=120s', `pod/${node}`]);
  }
});

after(async () => {
  await cluster('registry', 'start');
  await deleteNamespaces(NAMESPACE);
  for (const version of VERSIONS) await removeNode(nodeOf(version));
});

for (const version of VERSIONS) {
  const node = nodeOf(version);

  test(`containerd ${version} with its own configuration, and its root in /mnt, gives all it has without a registry`, async () => {
    await cluster('registry', 'stop');
    const { stderr } = await createPreload(NAMESPACE, `cached-${node}`, ['--from', 'cache', '--node', node]);
    await cluster('registry', 'start');
    assert.doesNotMatch(stderr, /skipped|warning|cannot/);
    const { images = [] } = await status(NAMESPACE, `cached-${node}`);
    const names = images.flatMap((image) => image.names);
    for (const name of [...USED, sample('pause:3.10')]) assert.ok(names.includes(name), name);
  });

  test(`containerd ${version} has the login in its own configuration that an image needs, and unpacks it`, async () => {
    const { stderr } = await createPreload(NAMESPACE, `locked-${node}`, [locked, '--node', node]);
    assert.doesNotMatch(stderr, /skipped|warning/);
    const elsewhere = await preload(['create', 'refused', locked, '-n', NAMESPACE, '--node', 'worker']);
    assert.equal(elsewhere.code, 1);
    assert.match(elsewhere.stderr, /requires credentials/);
  });
}
