import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { masked } from '../../harness/golden-masks.ts';

const HEX = '0123456789abcdef'.repeat(4);

describe('what differs from run to run gets a placeholder of its type', () => {
  const cases: [text: string, masked: string][] = [
    [`r.io/app@sha256:${HEX}`, 'r.io/app@<DIGEST>'],
    ['daemonset/shop/web runs sha256:77e1…', 'daemonset/shop/web runs <DIGEST>…'],
    [`restore.sh --expect ${HEX}`, 'restore.sh --expect <SHA-256>'],
    ['Snapshot ID:  snap-0a1b2c3d4e5f67890', 'Snapshot ID:  <SNAPSHOT-ID>'],
    ['uuid: 4f0c8b1e-7a54-4a0f-9a9e-6a3f1c2d4e5f', 'uuid: <UUID>'],
    ['"created": "2026-11-27T01:30:00Z"', '"created": "<TIME>"'],
    ['nightly-20261127-013000-arm64', 'nightly-<STAMP>-arm64'],
    [' ✓ 2 images captured in 4s: 5 layers copied', ' ✓ 2 images captured in <DURATION>: <LAYERS>'],
    [' • Releasing ...\n • Releasing · 10s · times out in 28m ...\n', ' • Releasing ...\n'],
    [' • Capturing 1/5 images · 13Mi/31Mi · 26Mi/s · 0s left ...\n ✓ done', ' ✓ done'],
    [' • Waiting for the storage to remove the volume ...\n ✓ Volume removed\n ✓ done', ' ✓ done'],
    [' ✓ Node worker has 1 of 2 images\n ✓ done', ' ✓ done'],
    ['64 images captured in 1m21s: 2.9Gi pulled', '64 images captured in <DURATION>: <SIZE> pulled'],
    ['Created:  3h ago on worker', 'Created:  <DURATION> ago on worker'],
    ['  "usedBytes": 123456,', '  "usedBytes": <NUMBER>,'],
    ['seconds: 1.5', 'seconds: <NUMBER>'],
    ['NAME   AGE\nweb    41s\nlonger 2d\n\nweb 41s', 'NAME   AGE\nweb   <AGE>\nlonger <AGE>\n\nweb 41s'],
  ];
  for (const [text, expected] of cases) test(text, () => assert.equal(masked(text), expected));
});

describe('everything else stays, so that a change of it shows', () => {
  for (const text of [
    'nginx:1.27',
    '64 images in use in 12 namespaces',
    'exit 1',
    ' • Capturing 5 images ...',
    'linux/amd64',
    'COVERAGE 62/64',
    'timeout-like-name-41s-x',
    '"phase": "Ready"',
    'snap-web',
  ])
    test(text, () => assert.equal(masked(text), text));
});
