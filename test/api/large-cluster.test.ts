import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { connect } from '../../src/cluster/connection.ts';
import { sendForJson } from '../../src/cluster/rest.ts';
import { type KubernetesObject, ownerReference } from '../../src/manifests/object.ts';
import { recordConfigMap, SNAPSHOT_API, volumeSnapshot } from '../../src/manifests/snapshot.ts';
import { COMPONENT_LABEL } from '../../src/model/names.ts';
import { startBundle } from '../harness/run-bundle.ts';
import { namespace, startTestServer } from './api-server.ts';
import { record, settings, zipped } from './records.ts';

const [PRELOADS, OF_ONE, PODS, IMAGES, AT_ONCE] = [500, 60, 10_000, 2000, 16];
const MOST_SECONDS = 6; // of the processor, which other tests use too; about 2 s alone
const MOST_MEMORY = 350 * 1000 ** 2;

const server = await startTestServer();
after(server.stop);

const digestOf = (index: number): string => `sha256:${index.toString(16).padStart(64, '0')}`;
const repository = (index: number): string => `r.io/team-${index % 50}/app-${index}`;
const env = Array.from({ length: 20 }, (_, index) => ({
  name: `SETTING_${index}`,
  value: `value of setting ${index}`,
}));

before(async () => {
  await server.apply(...namespace('crowd'));
  const cluster = await connect({ kubeconfig: server.kubeconfig, requestTimeout: 60_000 }, {}, console.error);
  const send = async (method: 'POST' | 'PATCH', path: string, body: object): Promise<KubernetesObject> =>
    (await sendForJson(cluster, path, {
      ...{ method, body },
      contentType: method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
    })) as KubernetesObject;
  const each = async (count: number, make: (index: number) => Promise<void>) => {
    const indices = Array.from({ length: count }, (_, index) => index).values();
    const work = async () => {
      for (const index of indices) await make(index);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  };
  await each(PODS, async (index) => {
    const image = index % IMAGES;
    const path = '/api/v1/namespaces/crowd/pods';
    await send('POST', path, {
      ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: `pod-${index}` } },
      spec: { nodeName: 'worker', containers: [{ name: 'main', image: `${repository(image)}:1`, env }] },
    });
    const state = { name: 'main', image: '', imageID: `${repository(image)}@${digestOf(image)}` };
    const containerStatuses = [{ ...state, ready: true, restartCount: 0 }];
    await send('PATCH', `${path}/pod-${index}/status`, { status: { phase: 'Running', containerStatuses } });
  });
  const snapshots = `/apis/${SNAPSHOT_API}/namespaces/default/volumesnapshots`;
  const contents = `/apis/${SNAPSHOT_API}/volumesnapshotcontents`;
  await each(PRELOADS, async (index) => {
    const name = `nightly-${index}`;
    const snapshot = await send('POST', snapshots, volumeSnapshot(settings(name)));
    await send('POST', contents, {
      ...{ apiVersion: SNAPSHOT_API, kind: 'VolumeSnapshotContent', metadata: { name: `content-${index}` } },
      spec: {
        ...{ deletionPolicy: 'Retain', driver: 'disk.example.com', source: { volumeHandle: 'v' } },
        volumeSnapshotRef: { name, namespace: 'default' },
      },
    });
    await send('PATCH', `${contents}/content-${index}/status`, { status: { snapshotHandle: `snap-${index}` } });
    const status = { readyToUse: true, boundVolumeSnapshotContentName: `content-${index}` };
    await send('PATCH', `${snapshots}/${name}/status`, { status });
    const images = Array.from({ length: OF_ONE }, (_, offset) => {
      const image = (index * 7 + offset) % IMAGES;
      const names = [`${repository(image)}:1`, `${repository(image)}@${digestOf(image)}`];
      return { names, digest: digestOf(image), size: 1 };
    });
    const { metadata, ...rest } = recordConfigMap(settings(name), zipped({ ...record, images }));
    const labels = { ...metadata.labels, [COMPONENT_LABEL]: 'record' };
    const ownerReferences = [ownerReference(snapshot)];
    await send('POST', '/api/v1/namespaces/default/configmaps', {
      ...{ ...rest, metadata: { ...metadata, labels, ownerReferences } },
    });
  });
});

interface Usage {
  stdout: string;
  stderr: string;
  /** of the processor */
  cpu: number;
  /** bytes at its peak */
  memory: number;
}

const measured = async (
  t: TestContext,
  argv: readonly string[],
  { expected = 0, env = {} }: { expected?: number; env?: Record<string, string> } = {},
): Promise<Usage> => {
  const hook = resolve(import.meta.dirname, '../harness/report-usage.cjs');
  const started = performance.now();
  const { outcome } = startBundle(argv, { KUBECONFIG: server.kubeconfig, NODE_OPTIONS: `--require=${hook}`, ...env });
  const { code, stdout, stderr } = await outcome;
  const seconds = (performance.now() - started) / 1000;
  assert.equal(code, expected, stderr);
  const [, memory, cpu] = /^usage: (\d+) ([\d.]+)$/m.exec(stderr) ?? [];
  t.diagnostic(`${seconds.toFixed(1)} s, ${cpu} s of processor time, ${Math.round(Number(memory) / 1000 ** 2)} MB`);
  return { stdout, stderr, cpu: Number(cpu), memory: Number(memory) };
};

const isWithin = ({ cpu, memory }: Usage): void => {
  assert.ok(memory > 0 && memory <= MOST_MEMORY, `${memory} bytes`);
  assert.ok(cpu > 0 && cpu <= MOST_SECONDS, `${cpu} s`);
};

for (const flags of [[], ['-o', 'wide'], ['-o', 'json'], ['nightly-'], ['-o', 'name']]) {
  const argv = ['status', ...flags];
  test(`${argv.join(' ')}: ${PRELOADS} preloads of ${OF_ONE} images, and ${PODS} pods`, async (t) => {
    const usage = await measured(t, argv);
    if (flags.length === 0)
      assert.match(usage.stdout, new RegExp(`^nightly-0 +True +${OF_ONE} .* ${OF_ONE}/${IMAGES} `, 'm'));
    isWithin(usage);
  });
}

test(`images: ${IMAGES} images of ${PODS} pods`, async (t) => {
  const usage = await measured(t, ['images']);
  assert.equal(usage.stdout.trim().split('\n').length, IMAGES + 1);
  isWithin(usage);
});

test(`doctor: a cluster of ${PODS} pods, in which nothing can be captured`, async (t) => {
  const usage = await measured(t, ['doctor'], { expected: 1 });
  assert.match(usage.stdout, /✗/);
  isWithin(usage);
});

for (const [what, words, least] of [
  [`the names of ${PRELOADS} preloads and their prefix`, ['verify', ''], PRELOADS + 1],
  ['the first images', ['create', 'web', 'r.io/'], 1],
] as const) {
  test(`completion prints ${what}`, async (t) => {
    const env = { KUBECTL_PRELOAD_COMPLETION_TIMEOUT: '30s' }; // other tests use the processor
    const usage = await measured(t, ['__complete', ...words], { env });
    const candidates = usage.stdout.trim().split('\n').slice(0, -1);
    assert.ok(candidates.length >= least, `${candidates.length} candidates`);
    isWithin(usage);
  });
}
