import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deniedAccess, findingOf } from '../../../../src/commands/doctor/check.ts';
import { ApiError, PreloadError } from '../../../../src/model/errors.ts';

const forbidden = (message: string) => new ApiError(403, 'Forbidden', message);

test('a missing right is named by verb and resource', () => {
  const core = 'nodes is forbidden: User "x" cannot list resource "nodes" in API group "" at the cluster scope';
  const grouped =
    'deployments.apps is forbidden: User "x" cannot list resource "deployments" in API group "apps" at the cluster scope';
  const proxy =
    'nodes "n" is forbidden: User "x" cannot get resource "nodes/proxy" in API group "" at the cluster scope';
  assert.equal(deniedAccess(forbidden(core)), 'list nodes');
  assert.equal(deniedAccess(forbidden(grouped)), 'list deployments.apps');
  assert.equal(deniedAccess(forbidden(proxy)), 'get nodes/proxy');
  assert.deepEqual(findingOf(forbidden(core)), { status: 'unknown', details: 'not allowed to list nodes' });
});

test('a quota is not a missing right', () => {
  assert.equal(deniedAccess(forbidden('pods "x" is forbidden: exceeded quota: q, requested: pods=1')), undefined);
});

test('a known obstacle is a problem with its remedy', () => {
  const finding = findingOf(new PreloadError('no class', 'create one'));
  assert.deepEqual(finding, { status: 'problem', details: 'no class', hint: 'create one' });
});

test('a bug in a check is a finding that says so', () => {
  const finding = findingOf(new TypeError('x is undefined'));
  assert.equal(finding.status, 'unknown');
  assert.match(finding.details, /x is undefined/);
  assert.match(finding.hint ?? '', /please report it/);
});
