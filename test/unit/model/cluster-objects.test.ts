import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CONFIG_MAP, EVENT, LOADER_POD, NODE, WORKLOAD } from '../../../src/model/cluster-objects.ts';
import { parse, plain } from '../../../src/model/parse.ts';
import { loaderEnd } from '../../../src/model/pod-state.ts';
import { VOLUME_SNAPSHOT } from '../../../src/model/storage-objects.ts';
import { fuzz } from '../../harness/fuzz.ts';

const metadata = {
  ...{ name: 'web', namespace: 'shop', uid: 'u-1', resourceVersion: '7', generation: 1 },
  ...{ labels: { app: 'web' }, annotations: { note: 'two\nlines' }, creationTimestamp: '2026-11-24T12:00:00Z' },
  ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-1', uid: 'u-0', controller: true }],
};
const spec = {
  initContainers: [{ name: 'init', image: 'r.io/init:1' }],
  containers: [{ name: 'main', image: 'r.io/app:1', ports: [{ containerPort: 80 }] }],
  volumes: [
    { name: 'data', image: { reference: 'r.io/data:1', pullPolicy: 'Always' } },
    { name: 'x', emptyDir: {} },
  ],
  imagePullSecrets: [{ name: 'regcred' }],
  serviceAccountName: 'default',
  nodeName: 'worker',
  os: { name: 'linux' },
  nodeSelector: { 'kubernetes.io/os': 'linux' },
};
const terminated = { exitCode: 1, reason: 'Error', message: 'first\nlast \u001b[31mline', startedAt: null };
const pod = {
  ...{ apiVersion: 'v1', kind: 'Pod', metadata, spec },
  status: {
    phase: 'Failed',
    conditions: [{ type: 'Ready', status: 'False', lastProbeTime: null, lastTransitionTime: null }],
    containerStatuses: [{ name: 'loader', state: { terminated } }],
  },
};
const node = {
  metadata,
  spec: { podCIDR: '10.0.0.0/24', taints: [{ key: 'a', effect: 'NoSchedule' }] },
  status: {
    nodeInfo: { operatingSystem: 'linux', architecture: 'amd64', kubeletVersion: 'v1.34.0' },
    conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: '2026-11-24T12:00:00Z' }],
    images: [{ names: null, sizeBytes: 7 }, { names: ['r.io/app:1'] }],
  },
};

describe('objects of the API server', () => {
  test('keep only the fields that this tool reads', () => {
    assert.deepEqual(parse(WORKLOAD, pod), {
      metadata: { name: 'web', namespace: 'shop', ownerReferences: [{ controller: true }] },
      spec: {
        initContainers: [{ image: 'r.io/init:1' }],
        containers: [{ image: 'r.io/app:1' }],
        ephemeralContainers: [],
        volumes: [{ image: { reference: 'r.io/data:1' } }, {}],
        imagePullSecrets: [{ name: 'regcred' }],
        serviceAccountName: 'default',
        os: { name: 'linux' },
        nodeSelector: { 'kubernetes.io/os': 'linux' },
      },
    });
  });

  test('may have null instead of an empty list or a time', () => {
    assert.deepEqual(parse(NODE, node).status.images, [
      { names: [], sizeBytes: 7 },
      { names: ['r.io/app:1'], sizeBytes: 0 },
    ]);
    const { lastTimestamp, message } = parse(EVENT, { message: 'x', lastTimestamp: null, eventTime: null });
    assert.deepEqual([lastTimestamp, message], [null, 'x']);
  });

  test('may say anything in messages, but in no control characters', () => {
    assert.equal(loaderEnd(parse(LOADER_POD, pod)), 'Error (exit code 1): last ?[31mline');
    const { status } = parse(VOLUME_SNAPSHOT, {
      metadata,
      status: { error: { message: 'a\nb\u0007' }, restoreSize: 7 },
    });
    assert.deepEqual(status, { error: { message: 'a\nb?' }, restoreSize: 7 });
  });

  test('are rejected if a field is of another kind, or a name has control characters', () => {
    const wrong = (changes: object) => () => parse(NODE, { ...node, ...changes });
    assert.throws(
      wrong({ metadata: { name: '\u001b[31mweb' } }),
      /^Error: invalid metadata\.name .*control characters$/,
    );
    assert.throws(wrong({ spec: { taints: 'none' } }), /^Error: invalid spec\.taints "none": must be an array$/);
    assert.throws(wrong({ status: undefined }), /^Error: invalid status undefined: must be an object$/);
  });

  for (const [name, schema, valid] of [
    ['a workload', WORKLOAD, pod],
    ['a pod', LOADER_POD, pod],
    ['a node', NODE, node],
    ['a config map', CONFIG_MAP, { metadata, binaryData: { 'preload.json.gz': 'H4sIAAAA' } }],
  ] as const) {
    test(`${name} is accepted in order or rejected with our own error, whatever a stranger changes in it`, (t) =>
      fuzz(t, valid, (document) => {
        const { metadata } = parse(schema, document);
        assert.equal(plain(metadata.name), metadata.name);
      }));
  }
});
