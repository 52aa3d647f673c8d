import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { load } from 'js-yaml';
import { loaderConfigMap, type PreloadSettings } from '../../src/manifests/loader.ts';
import { loaderPod } from '../../src/manifests/loader-pod.ts';
import { recordConfigMap, volumeSnapshot } from '../../src/manifests/snapshot.ts';
import type { PreloadRecord } from '../../src/model/contents.ts';
import type { PreloadSummary } from '../../src/model/summary.ts';
import { capturedImage, digest, layer } from '../harness/captured-images.ts';
import { grant, namespace, startTestServer } from './api-server.ts';

const server = await startTestServer();
after(server.stop);

const settings = (name: string, namespace = 'default'): PreloadSettings => ({
  ...{ name, namespace, version: '1.2.3', size: '1Gi', image: 'r.io/node:26', platform: 'linux/amd64', deadline: 60 },
});
const images = [
  capturedImage({ names: ['r.io/a:1', `r.io/a@${digest('0')}`], layers: [layer('a', 1000), layer('b', 24)] }),
  capturedImage({ names: ['r.io/b:1'], digest: digest('9'), layers: [layer('a', 1000)] }),
];
const record: PreloadRecord = {
  ...{
    set: '0123456789ab',
    version: '1.2.3',
    created: '2026-11-24T12:00:00Z',
    platform: 'linux/amd64',
    uuid: '0aa1-c3f2',
  },
  ...{ layout: 'layers', node: 'worker', layers: 2, usedBytes: 3 * 1024 ** 3, images, skipped: [] },
};

/** A snapshot as the snapshot controller and a driver leave it; `name` in `namespace`, with a record. */
const makeReady = async (name: string, namespace = 'default', content: object = record): Promise<void> => {
  await server.apply(volumeSnapshot(settings(name, namespace)));
  const made = JSON.parse(await server.kubectl(['get', 'volumesnapshot', name, '-n', namespace, '-o', 'json']));
  await server.apply(recordConfigMap(settings(name, namespace), gzipSync(JSON.stringify(content)), made));
  await server.finishSnapshot(name, namespace);
};

const status = (...flags: string[]) => server.preload('status', ...flags);
const json = async <T = PreloadSummary[]>(...flags: string[]): Promise<T> => {
  return JSON.parse((await status('-o', 'json', ...flags)).stdout);
};

describe('nothing to show', () => {
  test('is reported on standard error, and is not a failure', async () => {
    assert.deepEqual(await status(), { code: 0, stdout: '', stderr: 'No resources found in default namespace.\n' });
    assert.deepEqual(await status('-A'), { code: 0, stdout: '', stderr: 'No resources found.\n' });
    assert.equal((await status('-o', 'name')).stdout, '');
  });

  test('is an empty list in JSON and YAML', async () => {
    assert.deepEqual(await json(), []);
    assert.equal((await status('-o', 'yaml')).stdout, '[]\n');
  });

  test('is an error if a name is given', async () => {
    const refusal = { code: 1, stdout: '', stderr: 'Error from server (NotFound): preloads "web" not found\n' };
    assert.deepEqual(await status('web'), refusal);
    assert.deepEqual(await status('web', '-o', 'json'), refusal);
  });
});

describe('preloads', () => {
  before(async () => {
    const foreign = volumeSnapshot(settings('foreign'));
    await server.apply(...namespace('images'), { ...foreign, metadata: { name: 'foreign', namespace: 'default' } });
    await makeReady('web');
    await makeReady('nightly', 'images');
    await server.apply(
      ...['taking', 'failed'].map((name) => volumeSnapshot(settings(name))),
      ...['pulling', 'crashed'].map((name) =>
        loaderPod(settings(name), loaderConfigMap(settings(name), Buffer.from(''), Buffer.from(''))),
      ),
    );
    await server.setStatus('volumesnapshot/taking', 'default', { readyToUse: false });
    await server.setStatus('volumesnapshot/failed', 'default', { error: { message: 'quota exceeded' } });
    const container = { name: 'loader', image: 'i', imageID: '', ready: false, restartCount: 0 };
    await server.setStatus('pod/preload-pulling', 'default', {
      containerStatuses: [{ ...container, state: { waiting: { reason: 'ErrImagePull', message: 'not found' } } }],
    });
    await server.setStatus('pod/preload-crashed', 'default', {
      phase: 'Failed',
      containerStatuses: [{ ...container, state: { terminated: { exitCode: 137, reason: 'OOMKilled' } } }],
    });
  });

  test('as a table, the age last', async () => {
    const { code, stdout, stderr } = await status();
    assert.deepEqual([code, stderr], [0, '']);
    const rows = stdout.trimEnd().split('\n');
    assert.deepEqual(
      rows.map((row) => row.replace(/\d+s$/, 'AGO').split(/ {2,}/)),
      [
        ['NAME', 'READY', 'PHASE', 'IMAGES', 'SIZE', 'SNAPSHOT-ID', 'AGE'],
        ['crashed', 'False', 'Failed', '<none>', '<none>', '<none>', 'AGO'],
        ['failed', 'False', 'Snapshotting', '<none>', '<none>', '<pending>', 'AGO'],
        ['pulling', 'False', 'Starting', '<none>', '<none>', '<pending>', 'AGO'],
        ['taking', 'False', 'Snapshotting', '<none>', '<none>', '<pending>', 'AGO'],
        ['web', 'True', 'Ready', '2', '3Gi', 'snap-web', 'AGO'],
      ],
    );
    for (const row of rows) assert.ok(row.length <= 80);
  });

  test('of all namespaces, the namespace first', async () => {
    const [head, ...rows] = (await status('-A')).stdout.trimEnd().split('\n');
    assert.match(head ?? '', /^NAMESPACE +NAME /);
    assert.equal(rows.length, 6);
    assert.match(rows.at(-1) ?? '', /^images +nightly +True +Ready /);
  });

  test('of another namespace', async () => {
    assert.deepEqual(
      (await json('-n', 'images')).map(({ name }) => name),
      ['nightly'],
    );
  });

  test('by name, one per line', async () => {
    const kind = 'volumesnapshot.snapshot.storage.k8s.io';
    assert.equal((await status('-o', 'name', '-n', 'images')).stdout, `${kind}/nightly\n`);
    assert.equal((await status('web', '-o', 'name')).stdout, `${kind}/web\n`);
  });

  test('with the reason for each problem', async () => {
    const reasons = Object.fromEntries((await json()).map(({ name, reason }) => [name, reason]));
    assert.deepEqual(reasons, {
      crashed: 'OOMKilled (exit code 137)',
      failed: 'quota exceeded',
      pulling: "the loader's image cannot be pulled: not found",
      taking: undefined,
      web: undefined,
    });
  });

  test('one in full, as JSON and YAML', async () => {
    const { created, ...summary } = await json<PreloadSummary>('web');
    assert.match(created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.deepEqual(summary, {
      ...{ name: 'web', namespace: 'default', phase: 'Ready' },
      ...{ snapshotId: 'snap-web', driver: 'disk.example.com', deletionPolicy: 'Retain' },
      ...{ platform: 'linux/amd64', layout: 'layers', node: 'worker', filesystem: '0aa1-c3f2', version: '1.2.3' },
      ...{ size: 3 * 1024 ** 3, layers: 2 },
      images: [
        { names: images[0]?.names, digest: digest('0'), size: 1024 },
        { names: images[1]?.names, digest: digest('9'), size: 1000 },
      ],
    });
    assert.deepEqual(load((await status('web', '-o', 'yaml')).stdout), { ...summary, created });
  });

  test('without snapshot IDs for a user who may not read snapshot contents', async () => {
    const read = { apiGroups: ['*'], resources: ['pods', 'configmaps', 'volumesnapshots'], verbs: ['list'] };
    await server.apply(...grant('reader', read));
    const { code, stdout, stderr } = await status('--as', 'reader', '-A');
    assert.equal(code, 0, stderr);
    assert.match(stdout, /\ndefault +web +True +Ready +2 +3Gi +<unknown> +\d+s\n/);
    assert.match(stdout, /\nimages +nightly +True +Ready +2 +3Gi +<unknown> +\d+s\n/);
    const warning =
      ' ! snapshot IDs are not shown: this user is not allowed to get volumesnapshotcontents.snapshot.storage.k8s.io\n';
    assert.equal(stderr, warning);
    assert.ok(!('snapshotId' in (await json<PreloadSummary>('web', '--as', 'reader'))));
  });

  test('only those that this tool created', async () => {
    assert.equal((await status('foreign')).code, 1);
  });
});

test('a record that is not valid is ignored with a warning, which has no control characters', async () => {
  await server.apply(...namespace('odd'));
  for (const [name, content] of Object.entries({
    escapes: { ...record, node: '\u001b[31mworker' },
    wrong: { ...record, images: [{ ...images[0], digest: 'sha256:../../etc' }] },
    large: { ...record, usedBytes: 1e300 },
  })) {
    await makeReady(name, 'odd', content);
  }
  const { code, stdout, stderr } = await status('-n', 'odd');
  assert.equal(code, 0);
  const rows = stdout.trimEnd().split('\n').slice(1);
  assert.deepEqual(
    rows.map((row) => row.split(/ {2,}/).slice(0, 5)),
    ['escapes', 'large', 'wrong'].map((name) => [name, 'True', 'Ready', '<unknown>', '<unknown>']),
  );
  assert.equal(stderr.match(/ignoring the record configmap\/preloaded-/g)?.length, 3);
  assert.ok(!stderr.includes('\u001b'));
});
