import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startTestServer } from './api-server.ts';

const server = await startTestServer({ snapshotCrds: false });
after(server.stop);

for (const argv of [
  ['create', 'web', 'nginx:1'],
  ['snapshot', '--name', 'web', '--pvc', 'images'],
]) {
  test(`${argv[0]} reports that the cluster does not support volume snapshots, and creates nothing`, () =>
    server.refuses(
      argv,
      /^error: the cluster does not support volume snapshots \(snapshot\.storage\.k8s\.io\/v1\)$/m,
      /^hint: install the CRDs and the controller of kubernetes-csi\/external-snapshotter, and a CSI driver/m,
    ));
}

test('status shows nothing', async () => {
  const { code, stdout, stderr } = await server.preload('status');
  assert.deepEqual([code, stdout, stderr], [0, '', 'No resources found in default namespace.\n']);
});
