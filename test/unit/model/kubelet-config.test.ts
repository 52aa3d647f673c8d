import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowlistFor, isAllowlisted, KUBELET_CONFIG } from '../../../src/model/kubelet-config.ts';
import { parse } from '../../../src/model/parse.ts';

test('an allowlist matches whole names, and everything below a folder', () => {
  const allowlist = ['docker.io/library/nginx', 'ghcr.io/team/*'];
  const matched = ['docker.io/library/nginx', 'ghcr.io/team/app', 'ghcr.io/team/tools/lint'];
  const others = ['docker.io/library/nginx-plus', 'ghcr.io/team', 'ghcr.io/teams/app', 'docker.io/library'];
  for (const name of matched) assert.ok(isAllowlisted(allowlist, name), name);
  for (const name of others) assert.ok(!isAllowlisted(allowlist, name), name);
});

test('a short allowlist has the names, sorted and each once', () => {
  assert.deepEqual(allowlistFor(['b.io/x', 'a.io/x', 'b.io/x']), ['a.io/x', 'b.io/x']);
});

test('an allowlist for many images has their folders, which match all of them', () => {
  const names = Array.from({ length: 2000 }, (_, index) => `registry.example.com/team-${index % 5}/app-${index}`);
  const allowlist = allowlistFor(names);
  assert.equal(allowlist.length, 5);
  for (const name of names) assert.ok(isAllowlisted(allowlist, name), name);
});

test('the configuration of an old kubelet lacks the newer fields', () => {
  const { kubeletconfig } = parse(KUBELET_CONFIG, { kubeletconfig: { imageGCHighThresholdPercent: 85, other: true } });
  assert.deepEqual(kubeletconfig, {
    imagePullCredentialsVerificationPolicy: '',
    preloadedImagesVerificationAllowlist: [],
    imageGCHighThresholdPercent: 85,
    imageMaximumGCAge: '0s',
  });
});

test('what is not the configuration of a kubelet is refused', () => {
  for (const answer of [undefined, {}, { kubeletconfig: 'yes' }, { kubeletconfig: { imageMaximumGCAge: 3 } }])
    assert.throws(() => parse(KUBELET_CONFIG, answer), JSON.stringify(answer));
});
