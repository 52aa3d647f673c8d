import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { SNAPSHOT_API, volumeSnapshot } from '../../src/manifests/snapshot.ts';
import { grant, namespace, node, startTestServer } from './api-server.ts';
import { applyProviderCrds } from './provider-crds.ts';
import { record, recordOf, settings, zipped } from './records.ts';

const server = await startTestServer();
after(server.stop);

const EBS = 'ebs.csi.aws.com';
const HANDLE = 'snap-0a1b2c3d4e5f67890';

/** A preload as a driver and `create` leave it, with other fields of its record. */
const makeReady = async (name: string, driver: string, own: object = {}, handle = HANDLE): Promise<void> => {
  await server.apply(volumeSnapshot(settings(name)));
  await server.apply(await recordOf(server, name, 'default', zipped({ ...record, ...own })));
  const content = `content-${name}`;
  await server.apply({
    ...{ apiVersion: SNAPSHOT_API, kind: 'VolumeSnapshotContent', metadata: { name: content } },
    spec: {
      ...{ deletionPolicy: 'Retain', driver, source: { volumeHandle: 'vol-1' } },
      volumeSnapshotRef: { name, namespace: 'default' },
    },
  });
  await server.setStatus(`volumesnapshotcontent/${content}`, 'default', { snapshotHandle: handle });
  const ready = { readyToUse: true, boundVolumeSnapshotContentName: content, restoreSize: '3584Mi' };
  await server.setStatus(`volumesnapshot/${name}`, 'default', ready);
};

const recipe = async (...argv: string[]): Promise<string> => {
  const { code, stdout, stderr } = await server.preload('recipe', ...argv);
  assert.deepEqual([code, stderr], [0, ''], stderr);
  return stdout;
};

const labelled = (name: string, labels: Record<string, string>): object => {
  const made = node(name) as { metadata: object };
  return { ...made, metadata: { ...made.metadata, labels } };
};

before(async () => {
  await applyProviderCrds(server);
  await server.apply(
    ...namespace('my-machines'),
    labelled('worker', {
      'topology.kubernetes.io/region': 'eu-west-1',
      'topology.kubernetes.io/zone': 'eu-west-1b',
    }),
  );
  await makeReady('nightly', EBS);
  await makeReady('arm', EBS, { platform: 'linux/arm64' });
  await makeReady('osc', 'bsu.csi.outscale.com', { node: 'gone' });
  await makeReady('ceph', 'rbd.csi.ceph.com');
  await makeReady('week-20261126-010000', EBS);
});

describe('the API server accepts what is printed, with the kinds as their own projects ship them', () => {
  const cases = [
    ['karpenter', 'nightly', 'ec2nodeclass', 'nodepool'],
    ['karpenter', 'arm', 'ec2nodeclass', 'nodepool'],
    ['caposc', 'osc', 'oscmachinetemplate', 'kubeadmconfigtemplate'],
    [
      ...['capk', 'ceph'],
      ...['volumesnapshotcontent', 'volumesnapshot', 'kubevirtmachinetemplate', 'kubeadmconfigtemplate'],
    ],
  ];
  for (const [target = '', name = '', ...kinds] of cases) {
    test(`${target}, ${name}`, async () => {
      const text = await recipe(target, name);
      const answer = await server.kubectl(['apply', '--dry-run=server', '-f', '-'], text);
      const lines = answer.trim().split('\n');
      assert.deepEqual(
        lines.map((line) => line.replace(/[./].*(?= created)/, '')),
        kinds.map((kind) => `${kind} created (server dry run)`),
      );
    });
  }

  test('and refuses a field with a wrong name in each of them', async () => {
    const errors: [argv: string[], field: string][] = [
      [['karpenter', 'nightly'], 'snapshotID'],
      [['karpenter', 'nightly'], 'expireAfter'],
      [['caposc', 'osc'], 'fromSnapshot'],
      [['caposc', 'osc'], 'preKubeadmCommands'],
      [['capk', 'ceph'], 'sourceVolumeMode'],
      [['capk', 'ceph'], 'dataVolumeTemplates'],
    ];
    for (const [argv, field] of errors) {
      const wrong = (await recipe(...argv)).replace(`${field}:`, `${field}x:`);
      const unknown = new RegExp(`unknown field .*${field}x`);
      await assert.rejects(server.kubectl(['apply', '--dry-run=server', '-f', '-'], wrong), unknown, field);
    }
  });
});

describe('the API server accepts recipes for the cluster itself', () => {
  const rbac = ['ClusterRole', 'ClusterRoleBinding'];
  const cases = [
    [['daemonset', 'nightly'], 'ConfigMap', 'ServiceAccount', ...rbac, 'DaemonSet'],
    [['cronjob', 'nightly'], 'ConfigMap', 'ServiceAccount', 'Role', 'RoleBinding', ...rbac, 'CronJob'],
    [
      ['cronjob', 'nightly-', '--with-pull-secrets', '--schedule', '@daily', '--keep-last', '2'],
      ...['ConfigMap', 'ServiceAccount', 'Role', 'RoleBinding', ...rbac, 'CronJob'],
    ],
  ] as const;
  before(() =>
    server.apply({
      ...{ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: 'gp3' } },
      provisioner: EBS,
    }),
  );

  const applied = (text: string): Promise<string> =>
    server.kubectl(['apply', '--server-side', '--dry-run=server', '-f', '-'], text);

  for (const [argv, ...kinds] of cases) {
    test(argv.join(' '), async () => {
      const text = await recipe(...argv);
      const lines = (await applied(text)).trim().split('\n');
      assert.deepEqual(
        lines.map((line) => line.replace(/[./].*/, '')),
        kinds.map((kind) => kind.toLowerCase()),
      );
    });
  }

  test('and refuses a field with a wrong name', async () => {
    const disk = await recipe('daemonset', 'nightly');
    await assert.rejects(
      applied(disk.replace('volumeClaimTemplate:', 'volumeClaimTemplatex:')),
      /volumeClaimTemplatex/,
    );
    const renewal = await recipe('cronjob', 'nightly');
    await assert.rejects(applied(renewal.replace('concurrencyPolicy:', 'concurrencyPolicyx:')), /concurrencyPolicyx/);
  });

  test('the disk is large enough and of a class that its driver has', async () => {
    const text = await recipe('daemonset', 'nightly');
    assert.match(text, /storageClassName: gp3\n/);
    assert.match(text, /storage: 4Gi\n/);
    assert.match(text, /name: nightly\n/);
    const missing = await server.preload('recipe', 'daemonset', 'ceph');
    assert.match(missing.stderr, /no storage class uses driver rbd\.csi\.ceph\.com/);
  });

  test('only --with-pull-secrets lets the CronJob read Secrets', async () => {
    const rule = /resources:\n +- secrets\n/;
    assert.doesNotMatch(await recipe('cronjob', 'nightly'), rule);
    assert.match(await recipe('cronjob', 'nightly', '--with-pull-secrets'), rule);
  });

  test('a wrong schedule, number or name is refused', async () => {
    const cases: [argv: string[], message: RegExp][] = [
      [['cronjob', 'nightly', '--schedule', '1 2 3'], /invalid argument "1 2 3" for "--schedule"/],
      [['cronjob', 'nightly', '--schedule', '1 2 3 4 $(x)'], /for "--schedule": must be a cron schedule/],
      [['cronjob', 'nightly', '--keep-last', '0'], /invalid argument "0" for "--keep-last"/],
      [['cronjob', 'x'.repeat(40)], /invalid NAME "x+": must be at most 33 characters/],
      [['cronjob'], /exactly one NAME is required/],
      [['daemonset'], /exactly one NAME is required/],
    ];
    for (const [argv, message] of cases) {
      const { code, stdout, stderr } = await server.preload('recipe', ...argv);
      assert.deepEqual([code, stdout], [1, ''], argv.join(' '));
      assert.match(stderr, message);
    }
  });
});

describe('what nodes need to know is filled in', () => {
  test('the snapshot, the filesystem, the digest, the size and the region of the capture', async () => {
    const text = await recipe('eksctl', 'nightly');
    assert.match(text, new RegExp(`snapshot ${HANDLE}\n# of ${EBS}, usable only in eu-west-1\\.\n`));
    assert.match(text, new RegExp(`UUID=${record.uuid} /preload`));
    assert.ok(text.includes(`--expect ${record.contentsDigest}`));
    assert.match(text, new RegExp(`snapshotID: ${HANDLE}\n +volumeSize: 4\n`));
    assert.match(text, /^ {2}region: eu-west-1$/m);
  });

  test('the region of all nodes if the one of the capture is gone, and none if they have several', async () => {
    assert.match(await recipe('caposc', 'osc'), /usable only in eu-west-1\./);
    await server.apply(labelled('elsewhere', { 'topology.kubernetes.io/region': 'eu-west-2' }));
    assert.match(await recipe('caposc', 'osc'), /tied to its region\./);
    await server.kubectl(['delete', 'node', 'elsewhere']);
  });

  test('no region for a user who may not read nodes', async () => {
    const rule = (resource: string, ...verbs: string[]) => ({ apiGroups: ['*'], resources: [resource], verbs });
    await server.apply(
      ...grant(
        'operator',
        rule('volumesnapshots', 'get', 'list'),
        rule('volumesnapshotcontents', 'get'),
        rule('configmaps', 'get', 'list'),
        rule('pods', 'list'),
      ),
    );
    assert.match(await recipe('cloud-init', 'nightly', '--as', 'operator'), /tied to its region\./);
  });

  test('of the newest preload with a prefix', async () => {
    assert.match(await recipe('flatcar', 'week-'), /^# Preload week-20261126-010000 in namespace default/);
  });

  test('and every other target prints something', async () => {
    for (const target of ['eks-launch-template', 'terraform', 'gardener-aws', 'cloud-init', 'kubeadm', 'flatcar']) {
      assert.match(await recipe(target, 'nightly'), new RegExp(HANDLE), target);
    }
  });
});

describe('it is refused', () => {
  const EVERYWHERE = 'capk, cloud-init, kubeadm, flatcar, daemonset';
  const refused = async (argv: string[], reason: RegExp, remedy: RegExp): Promise<void> => {
    const { code, stdout, stderr } = await server.preload('recipe', ...argv);
    assert.deepEqual([code, stdout], [1, ''], stderr);
    assert.match(stderr, reason);
    assert.match(stderr, remedy);
    assert.doesNotMatch(stderr, /^ +at |This is a bug/m);
  };

  test('for another cloud than the snapshot has, and says which targets fit', async () => {
    const fitting = new RegExp(`^hint: targets that can: caposc, ${EVERYWHERE}$`, 'm');
    const aws = `karpenter, eks-launch-template, eksctl, terraform, gardener-aws, ${EVERYWHERE}`;
    for (const target of ['karpenter', 'eks-launch-template', 'eksctl', 'terraform', 'gardener-aws']) {
      await refused(
        [target, 'osc'],
        /cannot use a snapshot of bsu\.csi\.outscale\.com, which preload "osc" has/,
        fitting,
      );
    }
    await refused(
      ['caposc', 'nightly'],
      /^error: caposc cannot use a snapshot of ebs\.csi\.aws\.com/m,
      new RegExp(`: ${aws}$`, 'm'),
    );
    await refused(['karpenter', 'ceph'], /snapshot of rbd\.csi\.ceph\.com/, new RegExp(`: ${EVERYWHERE}$`, 'm'));
  });

  test('for a platform that no machine there has', async () => {
    await makeReady('armv7', EBS, { platform: 'linux/arm/v7' });
    await refused(
      ['karpenter', 'armv7'],
      /karpenter has no machines for linux\/arm\/v7, the platform of preload "armv7"/,
      new RegExp(`: ${EVERYWHERE}$`, 'm'),
    );
  });

  test('if the preload is missing or not ready', async () => {
    const missing = await server.preload('recipe', 'karpenter', 'missing');
    assert.deepEqual(missing, {
      ...{ code: 1, stdout: '' },
      stderr: 'Error from server (NotFound): preloads "missing" not found\n',
    });
    await server.apply(volumeSnapshot(settings('taking')));
    await refused(
      ['karpenter', 'taking'],
      /preload "taking" is not ready: Snapshotting/,
      /^hint: see: kubectl preload status taking -n default$/m,
    );
    await refused(['karpenter', 'none-'], /no preload with the prefix "none-" is ready/, /^hint: see: /m);
  });

  test('if its record lacks what nodes need', async () => {
    const { contentsDigest: _, ...old } = record;
    await makeReady('nouuid', EBS, { uuid: null });
    await makeReady('old', EBS);
    await server.apply(await recordOf(server, 'old', 'default', zipped(old)));
    await refused(
      ['karpenter', 'nouuid'],
      /preload "nouuid" has no UUID of its filesystem/,
      /create the preload again/,
    );
    await refused(['karpenter', 'old'], /preload "old" has no digest of its contents/, /create the preload again/);
    await server.kubectl(['delete', 'configmap', 'preloaded-old']);
    await refused(['karpenter', 'old'], /cannot use the record .*: not found/, /create the preload again/);
  });

  test('to a user who may not see the snapshot ID', async () => {
    const read = { apiGroups: ['*'], resources: ['pods', 'configmaps', 'volumesnapshots'], verbs: ['get', 'list'] };
    await server.apply(...grant('reader', read));
    await refused(
      ['karpenter', 'nightly', '--as', 'reader'],
      /preload "nightly" has no known snapshot ID/,
      /right to get volumesnapshotcontents/,
    );
  });

  test('if an answer would become a command', async () => {
    await makeReady('evil', EBS, {}, 'snap-1"; reboot #');
    await makeReady('odd', EBS, { uuid: '$(reboot)' });
    await refused(['cloud-init', 'evil'], /invalid snapshotId "snap-1\\"; reboot #": must consist of/, /./);
    await refused(['cloud-init', 'odd'], /invalid filesystem "\$\(reboot\)": must be a UUID/, /./);
  });
});
