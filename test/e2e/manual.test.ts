import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { run } from '../cluster/machine/run.ts';
import { type Outcome, outcome } from '../harness/private-node.ts';
import { BUNDLE } from '../harness/run-bundle.ts';
import { sample } from '../harness/sample.ts';
import {
  addNode,
  createNamespace,
  deleteNamespaces,
  kubectl,
  preload,
  removeNode,
  status,
} from './support/commands.ts';
import { assertGolden, formatsOf } from './support/golden.ts';
import { runWithoutPulling } from './support/present-images.ts';
import { cronJob, list, podSpec } from './support/workloads.ts';

const NAMESPACE = 'manual';
const USED = sample('shop/mail:0.9');
const LISTED = ['ops/probe:1.0', 'whiteouts:1'].map(sample);
const PAUSE = sample('pause:3.10');
const TOOL = ['node', '/tmp/kubectl-preload'];

const claim = (name: string) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace: NAMESPACE },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '2Gi' } } },
});

const RBAC = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: 'image-preloader' } };
const rule = (apiGroup: string, resource: string, ...verbs: string[]) => ({
  ...{ apiGroups: [apiGroup], resources: [resource], verbs },
});

/** The permissions that Jobs for image snapshots have always needed. */
const PERMISSIONS = [
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'preloader', namespace: NAMESPACE } },
  {
    ...{ ...RBAC, kind: 'ClusterRole' },
    rules: [
      rule('', 'namespaces', 'get', 'list', 'watch'),
      rule('', 'pods', 'get', 'list', 'watch'),
      rule('batch', 'cronjobs', 'get', 'list', 'watch'),
      rule('snapshot.storage.k8s.io', 'volumesnapshots', 'get', 'list', 'watch', 'update', 'patch', 'create'),
      rule('snapshot.storage.k8s.io', 'volumesnapshotcontents', 'get', 'list', 'watch'),
    ],
  },
  {
    ...{ ...RBAC, kind: 'ClusterRoleBinding' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'image-preloader' },
    subjects: [{ kind: 'ServiceAccount', name: 'preloader', namespace: NAMESPACE }],
  },
];

/** A user's own pod that can run `export` and, with its own credentials, access the API server. */
const workbench = async (): Promise<object> => {
  const server = new URL(await kubectl(['config', 'view', '--minify', '-o', 'jsonpath={.clusters[0].cluster.server}']));
  const mounts = { tools: '/host', images: '/snapshot', listed: '/listed' };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'workbench', namespace: NAMESPACE },
    spec: {
      ...{ serviceAccountName: 'preloader', nodeName: 'worker', hostNetwork: true, dnsPolicy: 'Default' },
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          ...{ name: 'tools', image: process.env.KUBECTL_PRELOAD_IMAGE, command: ['sleep', 'infinity'] },
          securityContext: { privileged: true, runAsUser: 0 },
          // no kube-proxy here that would give the API server its service address
          env: [
            { name: 'KUBERNETES_SERVICE_HOST', value: server.hostname },
            { name: 'KUBERNETES_SERVICE_PORT', value: server.port },
          ],
          volumeMounts: Object.entries(mounts).map(([name, mountPath]) => ({ name, mountPath })),
        },
      ],
      volumes: [
        { name: 'tools', hostPath: { path: '/', type: 'Directory' } },
        { name: 'images', persistentVolumeClaim: { claimName: 'images' } },
        { name: 'listed', persistentVolumeClaim: { claimName: 'listed' } },
      ],
    },
  };
};

const inPod = (argv: readonly string[], input = ''): Promise<string> =>
  run(['kubectl', 'exec', '--stdin', '-n', NAMESPACE, 'workbench', '--', ...argv], { input });

before(async () => {
  await createNamespace(NAMESPACE);
  const used = cronJob(NAMESPACE, 'nightly', podSpec([USED]));
  await kubectl(['apply', '-f', '-'], list([...PERMISSIONS, claim('images'), claim('listed'), used]));
  await kubectl(['apply', '-f', '-'], await workbench());
  await kubectl(['wait', '-n', NAMESPACE, '--for=condition=Ready', '--timeout=120s', 'pod/workbench']);
  await inPod(['sh', '-c', 'cat >/tmp/kubectl-preload'], await readFile(BUNDLE, 'utf8'));
});

after(async () => {
  await deleteNamespaces(NAMESPACE);
  await kubectl(['delete', '-f', '-', '--ignore-not-found'], list(PERMISSIONS.slice(1)));
});

/** Snapshots, from a workstation, the claim that was filled from a list. */
const snapshot = (name: string, ...flags: string[]): Promise<Outcome> =>
  preload(['s', '-n', NAMESPACE, '--name', name, '--pvc', 'listed', ...flags]);

const restores = async (node: string, containerd: string, snapshotId: string, images: string[]): Promise<void> => {
  const { stderr } = await addNode(node, containerd, snapshotId);
  assert.match(stderr, /: (\d+) of \1 images present for the kubelet/);
  await runWithoutPulling(NAMESPACE, node, images, 'Never');
};

test('a pod captures the images in use into a claim, and snapshots it with its own credentials', async (t) => {
  await inPod([...TOOL, 'export', '--root', '/host', '--exclude', `${sample('build/')},${sample('deep')}`]);
  const snapshot = ['--class', 'disk', '--name', 'images-2026.11', '--namespace', NAMESPACE, '--pvc', 'images'];
  const table = await inPod([...TOOL, 'snapshot', ...snapshot]);
  const [, snapshotId = ''] =
    /^NAME .*\nimages-2026\.11 +True +Ready .* (snap-[0-9a-f]{16}) +\d+s\n$/.exec(table) ?? [];
  assert.ok(snapshotId, table);
  assert.equal((await status(NAMESPACE, 'images-2026.11')).snapshotId, snapshotId);
  t.after(() => removeNode('by-hand'));
  await restores('by-hand', '1.6', snapshotId, [USED]);
});

test('only the images listed on standard input are captured, and a workstation can take the snapshot', async (t) => {
  const exported = [...TOOL, 'export', '--root', '/host', '--to', '/listed', '--stdin'];
  await inPod(exported, `# what the shop needs\n${LISTED.join('\n')}\n`);
  const { images } = JSON.parse(await inPod(['cat', '/listed/preload.json']));
  const names = images.flatMap((image: { names: string[] }) => image.names.filter((name) => !name.includes('@')));
  assert.deepEqual(names.sort(), [PAUSE, ...LISTED].sort());
  const { code, stdout, stderr } = await snapshot('listed', '-o', 'json');
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /^ ! deleting volumesnapshot\/listed will also delete snap-[0-9a-f]+ \(deletionPolicy Delete\); to keep it, /m,
  );
  t.after(() => removeNode('by-list'));
  await restores('by-list', '2', JSON.parse(stdout).snapshotId, LISTED);
});

test('export and snapshot print what they always did', async () => {
  // pulled, because what the node has depends on what ran before
  const call = [...TOOL, 'export', '--root', '/host', '--to', '/listed', '--stdin', '--force', '--force-pull'];
  const child = spawn('kubectl', ['exec', '--stdin', '-n', NAMESPACE, 'workbench', '--', ...call]);
  child.stdin.end(LISTED.join('\n'));
  await assertGolden('export', call.join(' '), await outcome(child));
  for (const format of formatsOf('snapshot')) {
    const flags = format ? ['-o', format] : [];
    const taken = await snapshot('taken', ...flags);
    await kubectl(['delete', 'volumesnapshot', '-n', NAMESPACE, 'taken']);
    const line = ['kubectl preload snapshot --name taken --pvc listed', ...flags].join(' ');
    await assertGolden(['snapshot', ...(format ? [format] : [])].join('-'), line, taken);
  }
});

test('a warning says if something else keeps the volume writable', async () => {
  const script = `mount -o remount,rw /listed; exec 3>/listed/lost+found/held; rm /listed/lost+found/held
    echo ${LISTED[0]} | ${TOOL.join(' ')} export --root /host --to /listed --stdin 2>&1`;
  assert.match(
    await inPod(['sh', '-euc', script]),
    / ✓ \d+ layers on the volume, .*\n ! the volume is still writable; unmount it before you snapshot it\n/,
  );
});

test('a snapshot that is not ready in time is an error, and is kept until it is deleted', async () => {
  const secret = 'csi.storage.k8s.io/snapshotter-secret';
  const broken = {
    ...{ apiVersion: 'snapshot.storage.k8s.io/v1', kind: 'VolumeSnapshotClass', metadata: { name: 'no-secret' } },
    ...{ driver: 'disk.preload.test', deletionPolicy: 'Delete' },
    parameters: { [`${secret}-name`]: 'no-such-secret', [`${secret}-namespace`]: 'default' },
  };
  await kubectl(['apply', '-f', '-'], broken);
  const { code, stdout, stderr } = await snapshot('broken', '--class', 'no-secret', '--timeout', '12s');
  await kubectl(['delete', '-f', '-'], broken);
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(
    stderr,
    /^error: timed out after 12s; the volume snapshot is not ready: .*cannot get credentials.*\nhint: /m,
  );
  await kubectl(['delete', 'volumesnapshot', '-n', NAMESPACE, 'broken']);
});
