import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { SNAPSHOT_API } from '../../src/manifests/snapshot.ts';
import { type ApiServer, startApiServer } from '../cluster/control-plane/api-server.ts';
import { goBuild } from '../cluster/go-build.ts';
import { type Outcome, startBundle } from '../harness/run-bundle.ts';
import { type Objects, openObjects } from './objects.ts';

export interface TestServer extends ApiServer, Omit<Objects, 'list' | 'close'> {
  /** runs the built program against this server */
  preload: (...argv: string[]) => Promise<Outcome>;
  start: (...argv: string[]) => ReturnType<typeof startBundle>;
  /** what the snapshot controller and a driver do with a snapshot: it can be used, its handle is `snap-NAME` */
  finishSnapshot: (name: string, namespace?: string, policy?: 'Delete' | 'Retain', status?: object) => Promise<void>;
  objects: Objects['list'];
  /** asserts that the program fails with `reason` and one remedy, has empty standard output and leaves nothing behind */
  refuses: (argv: string[], reason: RegExp, remedy: RegExp) => Promise<void>;
}

/**
 * A separate API server for this test file, with a node without a kubelet and storage without a provisioner. Its only
 * controller completes the deletion of claims.
 */
export const startTestServer = async ({ snapshotCrds = true } = {}): Promise<TestServer> => {
  const server = await startApiServer({ snapshotCrds });
  const controller = await startClaimController(server.kubeconfig);
  const { list, close, ...objects } = await openObjects(server.kubeconfig, snapshotCrds ? SNAPSHOT_KINDS : []);
  const { apply, setStatus } = objects;
  const finishSnapshot: TestServer['finishSnapshot'] = async (
    name,
    namespace = 'default',
    policy = 'Retain',
    status = { readyToUse: true },
  ) => {
    const content = `content-${namespace}-${name}`;
    await apply({
      ...{ apiVersion: SNAPSHOT_API, kind: 'VolumeSnapshotContent', metadata: { name: content } },
      spec: {
        ...{ deletionPolicy: policy, driver: DRIVER, source: { volumeHandle: 'vol-1' } },
        volumeSnapshotRef: { name, namespace },
      },
    });
    await setStatus(`volumesnapshotcontent/${content}`, namespace, { snapshotHandle: `snap-${name}` });
    const ready = { ...status, boundVolumeSnapshotContentName: content };
    await setStatus(`volumesnapshot/${name}`, namespace, ready);
  };
  const start = (...argv: string[]) => startBundle(argv, { KUBECONFIG: server.kubeconfig });
  const preload = (...argv: string[]) => start(...argv).outcome;
  const refuses: TestServer['refuses'] = async (argv, reason, remedy) => {
    const before = await list();
    const { code, stdout, stderr } = await preload(...argv);
    assert.deepEqual([code, stdout], [1, ''], stderr);
    assert.match(stderr, reason);
    assert.match(stderr, remedy);
    assert.ok(stderr.split('\n').filter((line) => /^hint: /.test(line)).length <= 1, stderr);
    assert.doesNotMatch(stderr, /^ +at |This is a bug/m);
    assert.deepEqual(await list(), before);
  };
  const stop = async () => {
    controller.kill('SIGKILL');
    await once(controller, 'exit');
    await close();
    await server.stop();
  };
  await apply(serviceAccount('default'), node('worker'));
  return { ...server, ...objects, preload, start, finishSnapshot, objects: list, refuses, stop };
};

const SNAPSHOT_KINDS = ['VolumeSnapshot', 'VolumeSnapshotContent', 'VolumeSnapshotClass'];

const startClaimController = async (kubeconfig: string): Promise<ChildProcess> => {
  const binary = join(await goBuild('kubernetes', console.error), 'kube-controller-manager');
  const flags = [
    '--controllers=persistentvolumeclaim-protection-controller',
    '--leader-elect=false',
    '--secure-port=0',
  ];
  return spawn('setpriv', ['--pdeathsig=KILL', binary, `--kubeconfig=${kubeconfig}`, ...flags], { stdio: 'ignore' });
};

/** What a pod needs to be admitted to a namespace. */
const serviceAccount = (namespace: string) => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name: 'default', namespace },
});

/** A namespace that pods can be created in. */
export const namespace = (name: string, labels: Record<string, string> = {}): object[] => [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } },
  serviceAccount(name),
];

/** Grants a user only these rules, in all namespaces. */
export const grant = (user: string, ...rules: { apiGroups: string[]; resources: string[]; verbs: string[] }[]) => [
  { apiVersion: RBAC, kind: 'ClusterRole', metadata: { name: user }, rules },
  {
    ...{ apiVersion: RBAC, kind: 'ClusterRoleBinding', metadata: { name: user } },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: user },
    subjects: [{ kind: 'User', name: user }],
  },
];

const RBAC = 'rbac.authorization.k8s.io/v1';

/** A ready node; `images` are names and compressed bytes, as a kubelet reports them. */
export const node = (
  name: string,
  images: Record<string, number> = {},
  architecture = 'amd64',
  info: object = {},
): object => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': architecture } },
  status: {
    conditions: [{ type: 'Ready', status: 'True' }],
    images: Object.entries(images).map(([image, sizeBytes]) => ({ names: [image], sizeBytes })),
    nodeInfo: {
      operatingSystem: 'linux',
      architecture,
      ...{ machineID: '', systemUUID: '', bootID: '', kernelVersion: '', osImage: '' },
      ...{ containerRuntimeVersion: 'containerd://2.1.0', kubeletVersion: '', kubeProxyVersion: '' },
      ...info,
    },
  },
});

const DRIVER = 'disk.example.com';

export const storageClass = (name: string, { isDefault = false, provisioner = DRIVER } = {}): object => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name, annotations: { 'storageclass.kubernetes.io/is-default-class': String(isDefault) } },
  provisioner,
});

export const snapshotClass = (name: string, { isDefault = false, driver = DRIVER } = {}): object => ({
  apiVersion: SNAPSHOT_API,
  kind: 'VolumeSnapshotClass',
  metadata: { name, annotations: { 'snapshot.storage.kubernetes.io/is-default-class': String(isDefault) } },
  driver,
  deletionPolicy: 'Delete',
});

/** Storage that a preload can be made with. */
export const STORAGE = [storageClass('disk', { isDefault: true }), snapshotClass('disk', { isDefault: true })];
