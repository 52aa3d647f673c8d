import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Kubelets } from '../../../../src/cluster/kubelets.ts';
import type { PodUser } from '../../../../src/cluster/workloads.ts';
import { collection, credentialPolicies } from '../../../../src/commands/doctor/checks/kubelets.ts';
import { runtimes, snapshotters } from '../../../../src/commands/doctor/checks/nodes.ts';
import { ages, platforms } from '../../../../src/commands/doctor/checks/preloads.ts';
import { pullPolicies } from '../../../../src/commands/doctor/checks/pulls.ts';
import { controllerFinding } from '../../../../src/commands/doctor/checks/snapshots.ts';
import { NODE, type Node } from '../../../../src/model/cluster-objects.ts';
import { KUBELET_CONFIG } from '../../../../src/model/kubelet-config.ts';
import { parse } from '../../../../src/model/parse.ts';
import { VOLUME_SNAPSHOT } from '../../../../src/model/storage-objects.ts';
import type { PreloadSummary } from '../../../../src/model/summary.ts';

const node = (
  name: string,
  runtime = 'containerd://2.1.0',
  more: { architecture?: string; args?: string } = {},
): Node =>
  parse(NODE, {
    metadata: { name, ...(more.args && { annotations: { 'k3s.io/node-args': more.args } }) },
    status: {
      nodeInfo: {
        ...{ operatingSystem: 'linux', architecture: more.architecture ?? 'amd64' },
        containerRuntimeVersion: runtime,
      },
    },
  });

const kubelets = (config: object, runtime?: string): Kubelets => ({
  answers: [{ node: node('worker', runtime), config: parse(KUBELET_CONFIG, { kubeletconfig: config }).kubeletconfig }],
  ...{ asked: 1, all: 1 },
});

const user = (name: string, image: string, imagePullPolicy: string, isOwned = false): PodUser => ({
  user: { kind: 'deployment', namespace: 'shop', name },
  isOwned,
  pod: {
    ...{ initContainers: [], ephemeralContainers: [], volumes: [], imagePullSecrets: [], nodeSelector: {} },
    containers: [{ image, imagePullPolicy }],
  },
});

const preload = (name: string, created: string, platform = 'linux/amd64'): PreloadSummary => ({
  ...{ name, namespace: 'shop', phase: 'Ready', created, platform },
});

describe('pull policies', () => {
  test('no workload asks the registry', () => {
    assert.equal(pullPolicies([user('web', 'nginx:1', 'IfNotPresent')]).status, 'ok');
  });

  test('each workload that does counts once, and its pods do not', () => {
    const found = pullPolicies([
      user('web', 'nginx', 'Always'),
      user('api', 'api:1', 'Always'),
      user('db', 'db:1', 'IfNotPresent'),
      user('api-123', 'api:1', 'Always', true),
    ]);
    assert.equal(found.status, 'warning');
    assert.match(found.details, /in 2 workloads \(1 for :latest, 1 for a fixed tag or digest\)/);
    assert.deepEqual(found.items, ['deployment/shop/api', 'deployment/shop/web']);
  });

  test('a digest cannot change, even with the tag latest', () => {
    const { details } = pullPolicies([user('web', `nginx:latest@sha256:${'a'.repeat(64)}`, 'Always')]);
    assert.match(details, /\(1 for a fixed tag or digest\)/);
  });

  test('only the first of many are in the table', () => {
    const many = Array.from({ length: 10_000 }, (_, index) => user(`web-${index}`, 'nginx:1', 'Always'));
    const found = pullPolicies(many);
    assert.ok(found.details.length < 200, found.details);
    assert.equal(found.items?.length, 10_000);
  });
});

describe('kubelets', () => {
  const POLICY = 'imagePullCredentialsVerificationPolicy';
  const LIST = 'preloadedImagesVerificationAllowlist';

  test('by default, preloaded images need no login', () => {
    for (const config of [{}, { [POLICY]: 'NeverVerifyPreloadedImages' }, { [POLICY]: 'NeverVerify' }])
      assert.equal(credentialPolicies(kubelets(config), ['docker.io/library/nginx']).status, 'ok');
  });

  test('if they verify logins, the hint has the allowlist to set', () => {
    const found = credentialPolicies(kubelets({ [POLICY]: 'AlwaysVerify' }), ['ghcr.io/b', 'ghcr.io/a']);
    assert.equal(found.status, 'warning');
    assert.match(found.hint ?? '', /preloadedImagesVerificationAllowlist: \["ghcr\.io\/a","ghcr\.io\/b"\]/);
  });

  test('an allowlist counts only if it has all images in use, and the new one keeps what it has', () => {
    const listed = { [POLICY]: 'NeverVerifyAllowlistedImages', [LIST]: ['ghcr.io/old', 'ghcr.io/team/*'] };
    assert.equal(credentialPolicies(kubelets(listed), ['ghcr.io/team/app']).status, 'ok');
    const found = credentialPolicies(kubelets(listed), ['ghcr.io/other']);
    assert.equal(found.status, 'warning');
    assert.deepEqual(found.items, ['ghcr.io/old', 'ghcr.io/other', 'ghcr.io/team/*']);
  });

  test('without answers, nothing is known', () => {
    const none = { answers: [], asked: 1, all: 1, failure: new Error('no route') };
    assert.deepEqual(credentialPolicies(none, []), { status: 'unknown', details: 'no kubelet answers: no route' });
    assert.equal(collection({ answers: [], asked: 0, all: 0 }).status, 'unknown');
  });

  test('pins protect images from collection', () => {
    assert.equal(collection(kubelets({})).status, 'ok');
  });

  test('without pins, a full disk or age removes images', () => {
    const old = 'containerd://1.6.20';
    assert.match(collection(kubelets({}, old)).details, /once the disk is 85 % full: worker/);
    const aged = { imageGCHighThresholdPercent: 100, imageMaximumGCAge: '336h0m0s' };
    assert.match(collection(kubelets(aged, old)).details, /once nothing has used them for 336h0m0s/);
    assert.equal(collection(kubelets({ imageGCHighThresholdPercent: 100, imageMaximumGCAge: '0s' }, old)).status, 'ok');
  });
});

describe('nodes', () => {
  test('runtimes that cannot use a preload', () => {
    assert.equal(runtimes([node('a'), node('b', 'containerd://1.6.20')]).status, 'ok');
    const found = runtimes([node('a'), node('b', 'cri-o://1.33.0'), node('c', 'containerd://1.5.0')]);
    assert.equal(found.status, 'warning');
    assert.deepEqual(found.items, ['b', 'c']);
  });

  test('the snapshotter of k3s', () => {
    assert.equal(snapshotters([node('a')]), undefined);
    assert.equal(snapshotters([node('a', undefined, { args: '["server","--snapshotter","overlayfs"]' })]), undefined);
    for (const args of ['["agent","--snapshotter","native"]', '["agent","--snapshotter=native"]'])
      assert.deepEqual(snapshotters([node('a', undefined, { args })])?.items, ['a (native)'], args);
  });
});

const NOW = Date.parse('2026-11-27T00:00:00Z');

describe('the snapshot controller', () => {
  const snapshot = (creationTimestamp: string, isSeen: boolean) =>
    parse(VOLUME_SNAPSHOT, {
      metadata: { name: `at-${creationTimestamp}`, namespace: 'shop', creationTimestamp },
      ...(isSeen && { status: { readyToUse: false } }),
    });
  const [early, late, now] = ['2026-11-26T00:00:00Z', '2026-11-26T23:00:00Z', '2026-11-26T23:59:00Z'];

  test('is absent if an old snapshot has no status, and nothing later has one', () => {
    const found = controllerFinding([snapshot(early, true), snapshot(late, false)], undefined, NOW);
    assert.equal(found.status, 'problem');
    assert.match(found.details, /at-2026-11-26T23:00:00Z in namespace shop .* for 60m$/);
    assert.match(controllerFinding([snapshot(late, false)], 'pod/x', NOW).hint ?? '', /log of pod\/x/);
  });

  test('is there if it has seen a later one, and has time for a new one', () => {
    assert.equal(controllerFinding([snapshot(early, false), snapshot(late, true)], undefined, NOW).status, 'ok');
    assert.equal(controllerFinding([snapshot(early, true), snapshot(now, false)], undefined, NOW).status, 'ok');
  });

  test('may be hidden', () => {
    assert.equal(controllerFinding([], undefined, NOW).status, 'warning');
    assert.deepEqual(controllerFinding([], 'pod/x', NOW), { status: 'ok', details: 'pod/x' });
  });
});

describe('preloads', () => {
  test('every platform needs one', () => {
    const nodes = [node('a'), node('b', undefined, { architecture: 'arm64' })];
    assert.match(platforms(nodes, []).details, /no ready preload in this namespace/);
    const one = preload('nightly', '2026-11-26T00:00:00Z');
    assert.deepEqual(platforms(nodes, [one]).items, ['linux/arm64']);
    assert.equal(platforms(nodes, [one, { ...one, platform: 'linux/arm64' }]).status, 'ok');
    assert.deepEqual(platforms(nodes, [one, { ...one, platform: 'linux/arm64', phase: 'Failed' }]).status, 'warning');
  });

  test('only the newest of a platform matters', () => {
    assert.equal(ages([], NOW), undefined);
    const old = preload('nightly-1', '2026-09-01T00:00:00Z');
    const recent = preload('nightly-2', '2026-11-20T00:00:00Z');
    assert.deepEqual(ages([old], NOW)?.items, ['nightly-1']);
    assert.equal(ages([old, recent], NOW)?.status, 'ok');
    assert.deepEqual(ages([{ ...old, platform: 'linux/arm64' }, recent], NOW)?.items, ['nightly-1']);
  });
});
