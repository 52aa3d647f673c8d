import { after, before, describe, test } from 'node:test';
import { STORAGE, snapshotClass, startTestServer } from './api-server.ts';
import { claim, csi, volume } from './claims.ts';

const server = await startTestServer();
after(server.stop);

const NAME = 'volumesnapshot.snapshot.storage.k8s.io/nightly';

before(async () => {
  await server.apply(
    ...[volume('disk', csi('disk.example.com')), volume('odd', csi('odd.example.com'))],
    volume('folder', { hostPath: { path: '/srv' } }),
    ...['disk', 'odd', 'folder'].map((name) => claim(`on-${name}`, name)),
    claim('waiting'),
  );
  for (const name of ['disk', 'odd', 'folder']) await server.setStatus(`pvc/on-${name}`, 'default', { phase: 'Bound' });
});

const snapshot = (pvc = 'on-disk', ...flags: string[]): string[] => [
  ...['snapshot', '--name', 'nightly', '--pvc', pvc],
  ...flags,
];

describe('snapshot creates nothing if it cannot succeed', () => {
  const install = /^hint: create a VolumeSnapshotClass for it$/m;

  test('no claim with that name', () =>
    server.refuses(
      snapshot('nothing', '-n', 'kube-system'),
      /^error: persistent volume claim "nothing" not found in namespace "kube-system"$/m,
      /^hint: check --pvc and -n; see: kubectl get pvc -n kube-system$/m,
    ));

  test('a claim that is not bound', () =>
    server.refuses(
      snapshot('waiting'),
      /^error: persistent volume claim "waiting" is not bound \(Pending\)$/m,
      /^hint: first run export in a pod that mounts it; see: kubectl describe pvc waiting -n default$/m,
    ));

  test('a claim that is not backed by a CSI driver', () =>
    server.refuses(
      snapshot('on-folder'),
      /^error: claim "on-folder" is not backed by a CSI driver, so it cannot be snapshotted$/m,
      /^hint: use a claim whose CSI driver supports snapshots$/m,
    ));

  test('no snapshot class for the driver', () =>
    server.refuses(
      snapshot(),
      /^error: no (default )?volume snapshot class for disk\.example\.com, which claim "on-disk" uses$/m,
      install,
    ));

  test('no default snapshot class', async () => {
    await server.apply(snapshotClass('own'));
    await server.refuses(
      snapshot(),
      /^error: no (default )?volume snapshot class for disk\.example\.com, which claim "on-disk" uses$/m,
      /^hint: choose one with --class: own$/m,
    );
  });

  test('an unknown snapshot class', () =>
    server.refuses(
      snapshot('on-disk', '--class', 'gold'),
      /^error: volume snapshot class "gold" not found$/m,
      /^hint: choose one with --class: own$/m,
    ));

  test('a snapshot class for another driver', async () => {
    await server.apply(snapshotClass('foreign', { isDefault: true, driver: 'other.example.com' }));
    await server.refuses(
      snapshot('on-disk', '--class', 'foreign'),
      /^error: volume snapshot class "foreign" is for driver other\.example\.com, but claim "on-disk" uses disk\.example\.com$/m,
      /^hint: choose one with --class: own$/m,
    );
    await server.refuses(
      snapshot('on-odd', '--class', 'foreign'),
      /^error: volume snapshot class "foreign" is for driver other\.example\.com, but claim "on-odd" uses odd\.example\.com$/m,
      install,
    );
  });

  test('a name that is taken', async () => {
    await server.apply(...STORAGE, {
      ...{ apiVersion: 'snapshot.storage.k8s.io/v1', kind: 'VolumeSnapshot' },
      ...{ metadata: { name: 'nightly', namespace: 'default' }, spec: { source: { persistentVolumeClaimName: 'x' } } },
    });
    await server.refuses(
      snapshot(),
      /^error: volume snapshot "nightly" already exists in namespace "default"$/m,
      /^hint: choose another name; see: kubectl preload status -n default$/m,
    );
    await server.kubectl(['delete', NAME]);
  });
});
