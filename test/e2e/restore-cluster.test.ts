import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../cluster/machine/until.ts';
import { type Outcome, outcome } from '../harness/private-node.ts';
import { sample } from '../harness/sample.ts';
import {
  addNode,
  becomes,
  createNamespace,
  createPreload,
  deleteNamespaces,
  kubectl,
  onNode,
  removeNode,
  startOnNode,
  status,
} from './support/commands.ts';
import {
  boot,
  install,
  listed,
  mountAgain,
  mountAnother,
  powerOff,
  reconfigureKubelet,
  restartContainerd,
  startDaemons,
} from './support/node-life.ts';
import { type PullPolicy, pod, podSpec } from './support/workloads.ts';

const NAMESPACE = 'life';
const NODE = 'life';
const STATE = '/var/lib/kubectl-preload';
const GUARDS = ['sh', '-c', 'cat /etc/systemd/system/containerd.service.d/kubectl-preload-*.conf'];
const NEW_DISK = '/preload-new';

const [probe, odd, old, newer, pause] = [
  ...['ops/probe:1.0', 'whiteouts:1', 'shop/checkout:1.4', 'shop/checkout:1.5', 'pause:3.10'].map(sample),
] as [string, string, string, string, string];

let first = '';
let second = '';

before(async () => {
  await createNamespace(NAMESPACE);
  await createPreload(NAMESPACE, 'first', [probe, odd, old]);
  await createPreload(NAMESPACE, 'second', [probe, odd, newer]);
  first = (await status(NAMESPACE, 'first')).snapshotId ?? '';
  second = (await status(NAMESPACE, 'second')).snapshotId ?? '';
  await addNode(NODE, '2', first);
  await install(NODE, 'cri-tools', 'crictl');
});

after(async () => {
  await removeNode(NODE);
  await deleteNamespaces(NAMESPACE);
});

test('pods keep running when containerd restarts, and start again after a reboot', async () => {
  await runPod('lasting', NODE, [probe, odd, old]);
  const images = await tags(NODE);
  await restartContainerd(NODE);
  await runPod('after-restart', NODE, [probe, odd, old]);
  assert.equal(await restarts('lasting'), '0 0 0');

  await powerOff(NODE);
  await boot(NODE);
  await mountAgain(NODE);
  await startDaemons(NODE);
  await becomes('1 1 1', () => restarts('lasting'), 120);
  await kubectl(['wait', '-n', NAMESPACE, '--for=condition=Ready', '--timeout=60s', 'pod/lasting']);
  assert.deepEqual(await tags(NODE), images);
  await removePods('lasting', 'after-restart');
});

test('an image that was removed can be pulled again, and reuses the linked layers', async () => {
  const before = await links();
  assert.ok(before > 5, String(before));
  await onNode(NODE, ['crictl', 'rmi', odd]);
  assert.ok(!(await tags(NODE)).includes(odd));
  await runPod('pulling', NODE, [odd], 'IfNotPresent');
  assert.match(await events('pulling'), /Successfully pulled image/);
  assert.equal(await links(), before);
  await removePods('pulling');
});

test('a newer disk replaces the older one, which can be detached', async () => {
  await runPod('on-shared-layers', NODE, [probe, odd]);
  await mountAnother(NODE, second, NEW_DISK);
  await onNode(NODE, ['mkdir', '-p', '/run/systemd/system']); // as on a node with systemd
  const over = await call(NODE, 'sh', `${NEW_DISK}/restore.sh`);
  assert.equal(over.code, 0, over.stderr);
  await onNode(NODE, ['umount', '--lazy', '/preload']);
  await runPod('on-the-new-disk', NODE, [probe, odd, newer]);
  const again = await call(NODE, 'sh', `${NEW_DISK}/restore.sh`);
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stderr, /set \w+ is no longer mounted.*undo: \d+ linked layers/s);
  assert.ok(!(await tags(NODE)).includes(old), 'what only the older disk had');
  await runPod('of-the-older-set', NODE, [old], 'IfNotPresent');
  assert.equal(await restarts('on-shared-layers'), '0 0');
  await removePods('on-shared-layers', 'on-the-new-disk', 'of-the-older-set');
});

test('without its disk a node does not start containerd, and --undo repairs it', async () => {
  const [requires, guard = ''] = (await onNode(NODE, GUARDS)).split('\n').filter((line) => line.includes('='));
  assert.equal(requires, `RequiresMountsFor=${NEW_DISK}`);
  const allowed = () => call(NODE, 'sh', '-c', guard.replace('ExecStartPre=', 'exec '));
  assert.equal((await allowed()).code, 0);
  await runPod('when-it-goes', NODE, [probe]);
  await onNode(NODE, ['umount', '--lazy', NEW_DISK]);
  const kept = await allowed();
  assert.equal(kept.code, 1);
  assert.match(
    kept.stderr,
    /containerd needs the volume at \S+; mount it \(set \w+\), or remove its images: sh \S+ --undo$/m,
  );

  await apply('too-late', NODE, [newer], 'Never');
  const waiting = '{.status.containerStatuses[0].state.waiting.reason}';
  const failing = [`--for=jsonpath=${waiting}=CreateContainerError`, '--timeout=60s'];
  await kubectl(['wait', '-n', NAMESPACE, ...failing, 'pod/too-late']);
  assert.match(await events('too-late'), /failed to stat parent: stat .*no such file or directory/);
  assert.equal(await restarts('when-it-goes'), '0', 'what runs goes on');

  await powerOff(NODE);
  await boot(NODE);
  assert.equal((await allowed()).code, 1);
  await startDaemons(NODE); // as on a node without systemd
  const [record = ''] = (await onNode(NODE, ['ls', `${STATE}/record`])).split('\n');
  const script = `${STATE}/record/${record}/restore.sh`;
  assert.equal((await call(NODE, 'sh', script, '--check')).code, 1);
  await removePods('when-it-goes', 'too-late');
  await onNode(NODE, ['crictl', 'rm', '--all', '--force']); // the kubelet keeps what ended for a minute
  const refused = await call(NODE, 'sh', script, '--undo');
  assert.equal(refused.code, 1);
  const [, pulledOntoLinks = ''] = /still in use by (sha256:\w+); remove those containers/.exec(refused.stderr) ?? [];
  await onNode(NODE, ['crictl', 'rmi', pulledOntoLinks]);
  const undone = await call(NODE, 'sh', script, '--undo');
  assert.equal(undone.code, 0, undone.stderr);
  assert.equal(await links(), 0);
  assert.deepEqual(await tags(NODE), [pause], 'pods need it, and nothing of it is linked');
  assert.equal((await call(NODE, ...GUARDS)).code, 1);
  await runPod('healed', NODE, [probe, odd, newer], 'IfNotPresent');
  await removePods('healed');
});

test('pods with a user namespace need copied layers', async (t) => {
  const node = 'life-users';
  t.after(() => removeNode(node));
  await addNode(node, '2', first);
  await install(node, 'runc', 'runc'); // Debian's does not know how to map the owners of mounts
  await restartContainerd(node);
  const users = { hostUsers: false };
  await apply('linked', node, [odd], 'Never', users);
  await until('the failure of the linked image', async () => /permission denied/.test(await events('linked')));
  const settled = await call(node, 'sh', '/preload/restore.sh', '--settle');
  assert.equal(settled.code, 0, settled.stderr);
  const result = async () => JSON.parse(await onNode(node, ['cat', '/run/kubectl-preload/restore.json']));
  await until('the end of the copying', async () => (await result()).mode === 'copy');
  assert.equal((await result()).exitCode, 0);
  await onNode(node, ['umount', '/preload']);
  await runPod('settled', node, [odd], 'Never', users);
  await runPod('plain', node, [odd], 'Never');
  assert.notEqual(await inPod('settled', 'cat /proc/self/uid_map'), await inPod('plain', 'cat /proc/self/uid_map'));
  const owners = 'cd / && stat -c "%n %u:%g %a" odd/setuid odd/owned odd/sticky data/replaced/*';
  assert.equal(await inPod('settled', owners), await inPod('plain', owners));
  await removePods('linked', 'settled', 'plain');
});

for (const containerd of ['1.7', '2']) {
  test(`containerd ${containerd}: a kubelet that is short of disk space keeps the pinned images`, async (t) => {
    const node = `life-full-${containerd.replace('.', '-')}`;
    t.after(() => removeNode(node));
    await addNode(node, containerd, first);
    await install(node, 'cri-tools', 'crictl');
    const pinned = await tags(node);
    assert.deepEqual(pinned, [probe, odd, old, pause].sort());
    const unpinned = sample('ops/agent:1.0');
    await onNode(node, ['crictl', 'pull', unpinned]);
    assert.deepEqual(await tags(node), [...pinned, unpinned].sort());
    const evictionHard = { 'imagefs.available': '99%', 'nodefs.available': '99%' };
    await reconfigureKubelet(node, { evictionHard, imageMinimumGCAge: '1s' });
    await becomes(pinned, () => tags(node), 120);
    assert.deepEqual(
      (await listed(node)).map((image) => image.pinned),
      pinned.map(() => true),
    );
  });
}

const apply = (name: string, node: string, images: string[], policy: PullPolicy, more: object = {}): Promise<string> =>
  kubectl(['apply', '-f', '-'], pod(NAMESPACE, name, podSpec(images, { nodeName: node, ...more }, policy)));

/** Returns when the pod is ready. */
const runPod = async (
  name: string,
  node: string,
  images: string[],
  policy: PullPolicy = 'Never',
  more: object = {},
): Promise<void> => {
  await apply(name, node, images, policy, more);
  await kubectl(['wait', '-n', NAMESPACE, '--for=condition=Ready', '--timeout=120s', `pod/${name}`]);
};

const removePods = (...names: string[]): Promise<string> =>
  kubectl(['delete', 'pod', '-n', NAMESPACE, '--timeout=60s', ...names]);

const inPod = (name: string, script: string): Promise<string> =>
  kubectl(['exec', '-n', NAMESPACE, name, '--', 'sh', '-c', script]);

/** How often each of the pod's containers was restarted. */
const restarts = (name: string): Promise<string> =>
  kubectl(['get', 'pod', '-n', NAMESPACE, name, '-o', 'jsonpath={.status.containerStatuses[*].restartCount}']);

const events = (name: string): Promise<string> =>
  kubectl(['get', 'events', '-n', NAMESPACE, '--field-selector', `involvedObject.name=${name}`]);

const tags = async (node: string): Promise<string[]> => (await listed(node)).flatMap(({ repoTags }) => repoTags).sort();

/** Number of layers that are links. */
const links = async (): Promise<number> => {
  const snapshots = '/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs';
  return (await onNode(NODE, ['find', snapshots, '-ignore_readdir_race', '-lname', `${STATE}/*`]))
    .split('\n')
    .filter(Boolean).length;
};

const call = async (node: string, ...argv: string[]): Promise<Outcome> => outcome(await startOnNode(node, argv));
