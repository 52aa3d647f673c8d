import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { CheckResult, Status } from '../../src/model/finding.ts';
import { until } from '../cluster/machine/until.ts';
import { grant, namespace, node, STORAGE, snapshotClass, startTestServer, storageClass } from './api-server.ts';
import { startPullWebhook } from './pull-webhook.ts';

const server = await startTestServer();
after(server.stop);

const DRIVER = 'disk.example.com';
const NAMESPACE = 'capture';

interface Diagnosis {
  code: number | null;
  checks: CheckResult[];
  find: (check: string) => CheckResult;
}

const doctor = (...flags: string[]): Promise<Diagnosis> => doctorIn(NAMESPACE, ...flags);

const doctorIn = async (namespace: string, ...flags: string[]): Promise<Diagnosis> => {
  const { code, stdout, stderr } = await server.preload('doctor', '-n', namespace, '-o', 'json', ...flags);
  assert.notEqual(stdout, '', stderr);
  assert.doesNotMatch(stdout + stderr, /\bat file:|This is a bug|this check failed/);
  const { kind, checks } = JSON.parse(stdout) as { kind: string; checks: CheckResult[] };
  assert.equal(kind, 'DoctorReport');
  const find = (check: string): CheckResult => {
    const found = checks.find((each) => each.check === check);
    assert.ok(found, `${check} is in the report`);
    return found;
  };
  return { code, checks, find };
};

const expect = (found: CheckResult, status: Status, details: RegExp, hint?: RegExp): void => {
  assert.equal(found.status, status, JSON.stringify(found));
  assert.match(found.details, details);
  if (hint) assert.match(found.hint ?? '', hint);
};

const csiNode = (name: string, ...drivers: string[]): object => ({
  ...{ apiVersion: 'storage.k8s.io/v1', kind: 'CSINode', metadata: { name } },
  spec: { drivers: drivers.map((driver) => ({ name: driver, nodeID: name })) },
});

const deployment = (name: string, image: string, imagePullPolicy: string): object => ({
  ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace: 'shop' } },
  spec: {
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name, image, imagePullPolicy }] },
    },
  },
});

const snapshot = (name: string, age = 0): object => ({
  ...{ apiVersion: 'snapshot.storage.k8s.io/v1', kind: 'VolumeSnapshot' },
  metadata: { name, namespace: 'shop', creationTimestamp: new Date(Date.now() - age).toISOString() },
  spec: { source: { persistentVolumeClaimName: name } },
});

const remove = (...names: string[]): Promise<string> => server.kubectl(['delete', '--wait=false', ...names]);

before(() => server.apply(...namespace(NAMESPACE), ...namespace('shop')));

describe('a cluster in which nothing is prepared', () => {
  test('without storage, it says what to create', async () => {
    const { code, find, checks } = await doctor();
    assert.equal(code, 1);
    expect(find('api-server'), 'ok', /^v1\./);
    expect(find('rights'), 'ok', /^all that create can use$/);
    expect(find('snapshot-api'), 'ok', /^snapshot\.storage\.k8s\.io\/v1$/);
    expect(find('snapshot-controller'), 'warning', /^none is visible/, /external-snapshotter/);
    expect(find('storage-class'), 'problem', /no default storage class/, /create one first/);
    assert.ok(!checks.some(({ check }) => check === 'snapshot-class'), 'one cause is reported once');
    expect(find('platforms'), 'warning', /no ready preload/, /kubectl preload create NAME/);
  });

  test('it creates nothing', async () => {
    const objects = await server.objects();
    await doctor();
    assert.deepEqual(await server.objects(), objects);
  });

  test('the table has a mark on every line, and ends with the number of problems', async () => {
    const { code, stdout, stderr } = await server.preload('doctor', '-n', NAMESPACE);
    assert.equal(code, 1);
    assert.match(stdout, /^STATUS +CHECK +DETAILS\n✓ +API server +v1\./);
    assert.match(stdout, /^✗ +Storage class +the cluster has no default storage class\n +hint: create one first$/m);
    assert.ok(!stdout.includes('\u001b'));
    assert.match(stderr, /^error: create would fail: 1 problem found$/m);
    assert.match(stderr, /^ ✓ \d+ checks: .*1 problem/m);
  });
});

describe('storage', () => {
  before(() => server.apply(...STORAGE, csiNode('worker', DRIVER)));

  test('is ready for create', async () => {
    const { code, find } = await doctor();
    assert.equal(code, 0);
    expect(find('storage-class'), 'ok', /^disk \(disk\.example\.com\)$/);
    expect(find('snapshot-class'), 'ok', /^disk$/);
    expect(find('csi-driver'), 'ok', /runs on 1 of 1 node$/);
    expect(find('volume-settings'), 'ok', /./);
    expect(find('snapshot-settings'), 'warning', /deletes the storage's snapshot/, /--retain/);
    expect(find('loader-pod'), 'ok', /accepts its privileged pod/);
    expect(find('volume-claim'), 'ok', /accepted/);
    expect(find('other-objects'), 'ok', /accepted/);
    expect(find('capture-node'), 'ok', /^linux\/amd64$/);
    expect(find('leftovers'), 'ok', /none/);
  });

  test('is checked as the flags choose it', async () => {
    await server.apply(
      storageClass('files', { provisioner: 'nfs.csi.k8s.io' }),
      storageClass('static', { provisioner: 'kubernetes.io/no-provisioner' }),
      storageClass('foreign', { provisioner: 'other.example.com' }),
    );
    const classOf = async (name: string) => doctor('--storage-class', name);
    expect((await classOf('files')).find('storage-class'), 'problem', /shares files/, /block volumes/);
    expect((await classOf('static')).find('storage-class'), 'problem', /does not create volumes/);
    const foreign = await classOf('foreign');
    assert.equal(foreign.code, 1);
    expect(foreign.find('snapshot-class'), 'problem', /no volume snapshot class for other\.example\.com/);
    expect(foreign.find('csi-driver'), 'problem', /no node runs other\.example\.com/);
    expect((await doctor('--storage-class', 'gold')).find('storage-class'), 'problem', /"gold" not found/);
    expect((await doctor('--snapshot-class', 'gold')).find('snapshot-class'), 'problem', /"gold" not found/);
  });

  test('several defaults: Kubernetes chooses a storage class, but no snapshot class', async () => {
    await server.apply(storageClass('disk-2', { isDefault: true }), snapshotClass('disk-2', { isDefault: true }));
    const { code, find } = await doctor();
    assert.equal(code, 1);
    expect(find('storage-class'), 'warning', /2 are default/, /--storage-class: disk, disk-2/);
    expect(find('snapshot-class'), 'problem', /2 snapshot classes are default/, /--snapshot-class: disk, disk-2/);
    const chosen = await doctor('--storage-class', 'disk', '--snapshot-class', 'disk');
    assert.equal(chosen.code, 0);
    await remove('storageclass/disk-2', 'volumesnapshotclass/disk-2');
  });

  test('traps in the parameters of classes', async () => {
    const slow = { ...storageClass('slow'), parameters: { volumeInitializationRate: '300' } };
    const fast = {
      ...{ ...snapshotClass('fast'), deletionPolicy: 'Retain' },
      parameters: { fastSnapshotRestoreAvailabilityZones: 'us-east-1a' },
    };
    const kept = { ...snapshotClass('kept'), deletionPolicy: 'Retain' };
    await server.apply(slow, fast, kept);
    const { find } = await doctor('--storage-class', 'slow', '--snapshot-class', 'fast');
    expect(find('volume-settings'), 'problem', /volumeInitializationRate/);
    expect(find('snapshot-settings'), 'warning', /fast snapshot restore/);
    expect((await doctor('--snapshot-class', 'kept')).find('snapshot-settings'), 'ok', /Retain/);
  });

  test('a class that retains volumes is a trap for those who may not change volumes', async () => {
    await server.apply({ ...storageClass('retained'), reclaimPolicy: 'Retain' });
    expect((await doctor('--storage-class', 'retained')).find('volume-settings'), 'ok', /Retain/);
    await server.apply(
      ...grant('reader', { apiGroups: ['storage.k8s.io'], resources: ['storageclasses'], verbs: ['list'] }),
    );
    const { find } = await doctor('--storage-class', 'retained', '--as', 'reader');
    expect(find('volume-settings'), 'warning', /may not patch persistentvolumes/);
  });
});

describe('the snapshot controller', () => {
  test('is a workload that has its image', async () => {
    await server.apply(deployment('control', 'registry.k8s.io/sig-storage/snapshot-controller:v8.2.0', 'IfNotPresent'));
    expect((await doctor()).find('snapshot-controller'), 'ok', /^deployment\/shop\/control$/);
    await remove('deployment/control', '-n', 'shop');
  });

  test('is known by what it has done, even if it is hidden', async () => {
    await server.apply(snapshot('done'));
    await server.finishSnapshot('done', 'shop');
    expect((await doctor()).find('snapshot-controller'), 'ok', /has seen 1 snapshot$/);
    await remove('volumesnapshot/done', '-n', 'shop');
  });
});

describe('what the server would refuse', () => {
  test('privileged pods', async () => {
    await server.apply(...namespace('strict', { 'pod-security.kubernetes.io/enforce': 'restricted' }));
    const { code, find } = await doctorIn('strict');
    assert.equal(code, 1);
    expect(find('loader-pod'), 'problem', /does not allow privileged pods/, /kubectl label ns strict/);
    expect(find('always-pull'), 'ok', /keep the pull policy/);
  });

  test('a claim beyond the quota', async () => {
    const hard = { 'requests.storage': '1Gi' };
    await server.apply(...namespace('full'), {
      ...{ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'disks', namespace: 'full' }, spec: { hard } },
    });
    await server.setStatus('resourcequota/disks', 'full', { hard, used: { 'requests.storage': '0' } });
    expect((await doctorIn('full')).find('volume-claim'), 'problem', /exceeded quota: disks/, /describe quota/);
  });

  test('a claim or a pod beyond the limits of a namespace', async () => {
    await server.apply(...namespace('limited'), {
      ...{ apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'small', namespace: 'limited' } },
      spec: {
        limits: [
          { type: 'PersistentVolumeClaim', max: { storage: '1Gi' } },
          { type: 'Container', max: { memory: '128Mi' } },
        ],
      },
    });
    const { find } = await doctorIn('limited');
    expect(find('volume-claim'), 'problem', /maximum storage usage/, /describe limits/);
    expect(find('loader-pod'), 'problem', /less than or equal to memory limit/, /--limits/);
  });

  test('everything in a namespace that does not exist', async () => {
    const { code, find, checks } = await doctorIn('nowhere');
    assert.equal(code, 1);
    assert.equal(checks.filter(({ details }) => details.includes('not found')).length, 2, 'and the trial of a policy');
    expect(find('loader-pod'), 'problem', /"nowhere" not found/, /with -n/);
  });
});

describe('nodes', () => {
  test('that cannot be used', async () => {
    await server.apply(
      node('windows', {}, 'amd64', { operatingSystem: 'windows' }),
      node('crio', {}, 'arm64', { containerRuntimeVersion: 'cri-o://1.33.0' }),
    );
    const { find } = await doctor();
    expect(find('containerd'), 'warning', /^1 node without containerd 1\.6 or newer: crio \(cri-o:\/\/1\.33\.0\)$/);
    expect((await doctor('--node', 'crio')).find('capture-node'), 'problem', /runs cri-o/);
    expect((await doctor('--node', 'none')).find('capture-node'), 'problem', /"none" not found/);
    await remove('node/crio', 'node/windows');
  });

  test('that are all tainted make create wait', async () => {
    await server.kubectl(['taint', 'node', 'worker', 'dedicated=gpu:NoSchedule']);
    const { code, find } = await doctor();
    assert.equal(code, 0);
    expect(find('capture-node'), 'warning', /create would wait/, /--toleration/);
    expect((await doctor('--toleration', 'dedicated=gpu:NoSchedule')).find('capture-node'), 'ok', /linux\/amd64/);
    await server.kubectl(['taint', 'node', 'worker', 'dedicated-']);
  });

  test('whose kubelets do not answer are unknown', async () => {
    const { code, find } = await doctor();
    assert.equal(code, 0);
    expect(find('credential-verification'), 'unknown', /no kubelet answers/);
    expect(find('image-collection'), 'unknown', /no kubelet answers/);
  });
});

describe('what makes preloading useless', () => {
  test('workloads that always ask a registry', async () => {
    await server.apply(
      deployment('web', 'nginx:latest', 'Always'),
      deployment('api', 'api:1', 'Always'),
      deployment('db', 'db:1', 'IfNotPresent'),
    );
    const { find } = await doctor();
    expect(find('pull-policy'), 'warning', /in 2 workloads .*deployment\/shop\/api, deployment\/shop\/web$/);
    assert.deepEqual(find('pull-policy').items, ['deployment/shop/api', 'deployment/shop/web']);
    await remove('deployment/web', 'deployment/api', '-n', 'shop');
    expect((await doctor()).find('pull-policy'), 'ok', /^no workload asks/);
  });

  test('admission that sets Always on all pods', async () => {
    const webhook = await startPullWebhook();
    await server.apply(webhook.configuration);
    const alwaysPull = async () => (await doctor()).find('always-pull');
    await until('the webhook is called', async () => (await alwaysPull()).status !== 'ok');
    expect(await alwaysPull(), 'warning', /imagePullPolicy Always on every pod/, /AlwaysPullImages/);
    await remove('mutatingwebhookconfiguration/always');
    await webhook.stop();
  });
});

describe('users with few rights', () => {
  test('without any, see what they may not see, and why create fails', async () => {
    await server.apply(...grant('nobody'));
    const { code, stderr } = await server.preload('doctor', '--as', 'nobody');
    assert.equal(code, 1);
    assert.doesNotMatch(stderr, /^ ! /m);
    const { find } = await doctor('--as', 'nobody');
    expect(
      find('rights'),
      'problem',
      /^not allowed to create configmaps, get persistentvolumeclaims and \d+ more$/,
      /recipe rbac/,
    );
    assert.ok(find('rights').items?.includes('list storageclasses.storage.k8s.io'));
    const unseen = {
      'storage-class': 'list storageclasses.storage.k8s.io',
      'capture-node': 'list nodes',
      containerd: 'list nodes',
      'loader-pod': 'create pods',
      'volume-claim': 'create persistentvolumeclaims',
      'credential-verification': 'list nodes',
      'always-pull': 'create pods',
      leftovers: 'list (pods|configmaps|persistentvolumeclaims)',
    };
    for (const [check, right] of Object.entries(unseen))
      expect(find(check), 'unknown', new RegExp(`^not allowed to ${right}$`));
  });

  test('who may create preloads, but nothing else, get no problems', async () => {
    await server.apply(
      ...grant(
        'creator',
        {
          apiGroups: ['', 'snapshot.storage.k8s.io'],
          resources: ['pods', 'pods/log', 'persistentvolumeclaims', 'configmaps', 'volumesnapshots'],
          verbs: ['create', 'get', 'list', 'patch', 'delete'],
        },
        {
          apiGroups: ['', 'storage.k8s.io', 'snapshot.storage.k8s.io'],
          resources: ['nodes', 'storageclasses', 'volumesnapshotclasses'],
          verbs: ['list'],
        },
      ),
    );
    const { code, find, checks } = await doctor('--as', 'creator');
    assert.deepEqual(
      checks.filter(({ status }) => status === 'problem'),
      [],
    );
    assert.equal(code, 0);
    expect(
      find('rights'),
      'warning',
      /^not allowed to list events, get persistentvolumes and \d+ more: it cannot say why/,
    );
    expect(find('credential-verification'), 'unknown', /^not allowed to get nodes\/proxy$/);
    expect(find('csi-driver'), 'unknown', /^not allowed to list csinodes\.storage\.k8s\.io$/);
    assert.ok(find('rights').items?.includes('get secrets'));
    assert.ok(!find('rights').items?.includes('create secrets'), 'without others to read, it creates none');
  });
});

describe('the command line', () => {
  test('takes no NAME', async () => {
    const { code, stdout, stderr } = await server.preload('doctor', 'nightly');
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^error: .*nightly/m);
  });

  test('Ctrl-C ends it without a report', async () => {
    const { child, said, outcome } = server.start('doctor');
    while (!said.stderr.includes('Checking the cluster')) await setTimeout(5);
    child.kill('SIGINT');
    const { code, stdout } = await outcome;
    assert.deepEqual([code, stdout], [130, '']);
  });

  test('what does not answer in time is unknown', async () => {
    const { stdout, stderr } = await server.preload('doctor', '--timeout', '1ms');
    assert.equal(stdout, '');
    assert.match(stderr, /^error: timed out after .*\nhint: raise --timeout$/m);
  });
});
