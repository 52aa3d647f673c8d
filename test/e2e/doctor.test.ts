import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { CheckResult } from '../../src/model/finding.ts';
import { createNamespace, deleteNamespaces, preload } from './support/commands.ts';

const NAMESPACE = 'doctor';

before(() => createNamespace(NAMESPACE));

after(() => deleteNamespaces(NAMESPACE));

test('in a cluster that works, doctor finds no problem, and real kubelets answer', async () => {
  const { code, stdout, stderr } = await preload(['doctor', '-n', NAMESPACE, '-o', 'json']);
  assert.equal(code, 0, stdout + stderr);
  const { checks } = JSON.parse(stdout) as { checks: CheckResult[] };
  const find = (id: string) => checks.find(({ check }) => check === id);
  assert.deepEqual(
    checks.filter(({ status }) => status === 'unknown'),
    [],
  );
  for (const check of ['storage-class', 'snapshot-class', 'csi-driver', 'loader-pod', 'capture-node', 'always-pull'])
    assert.equal(find(check)?.status, 'ok', JSON.stringify(find(check)));
  assert.match(find('credential-verification')?.details ?? '', / \(\d+ kubelets?\)$/);
});
