import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { load } from 'js-yaml';
import { loaderConfigMap, volumeClaim } from '../../src/manifests/loader.ts';
import { loaderPod } from '../../src/manifests/loader-pod.ts';
import { volumeSnapshot } from '../../src/manifests/snapshot.ts';
import type { PreloadSummary } from '../../src/model/summary.ts';
import { digest } from '../harness/captured-images.ts';
import { grant, namespace, startTestServer } from './api-server.ts';
import { record, recordOf, settings, zipped } from './records.ts';

const server = await startTestServer();
after(server.stop);

/** A snapshot as the snapshot controller and a driver leave it; `name` in `namespace`, with a record that has `data`. */
const makeReady = async (name: string, namespace = 'default', data?: Buffer): Promise<void> => {
  await server.apply(volumeSnapshot(settings(name, namespace)));
  await server.apply(await recordOf(server, name, namespace, data));
  await server.finishSnapshot(name, namespace);
};

const status = (...flags: string[]) => server.preload('status', ...flags);
const json = async <T = PreloadSummary>(...flags: string[]): Promise<T> =>
  JSON.parse((await status('-o', 'json', ...flags)).stdout);
const items = async (...flags: string[]): Promise<PreloadSummary[]> =>
  (await json<{ items: PreloadSummary[] }>(...flags)).items;
const API = { apiVersion: 'kubectl-preload/v1' };

describe('nothing to show', () => {
  test('is reported on standard error, and is not a failure', async () => {
    assert.deepEqual(await status(), { code: 0, stdout: '', stderr: 'No resources found in default namespace.\n' });
    assert.deepEqual(await status('-A'), { code: 0, stdout: '', stderr: 'No resources found.\n' });
    assert.equal((await status('-o', 'name')).stdout, '');
  });

  test('is an empty list in JSON and YAML', async () => {
    const empty = { ...API, kind: 'PreloadList', items: [] };
    assert.deepEqual(await json(), empty);
    assert.deepEqual(load((await status('-o', 'yaml')).stdout), empty);
  });

  test('is an error if a name is given', async () => {
    const refusal = { code: 1, stdout: '', stderr: 'Error from server (NotFound): preloads "web" not found\n' };
    assert.deepEqual(await status('web'), refusal);
    assert.deepEqual(await status('web', '-o', 'json'), refusal);
  });
});

const INPUTS = { bundle: Buffer.of(), request: Buffer.of(), run: Buffer.of() };

describe('preloads', () => {
  before(async () => {
    const foreign = volumeSnapshot(settings('foreign'));
    await server.apply(...namespace('images'), { ...foreign, metadata: { name: 'foreign', namespace: 'default' } });
    await makeReady('web');
    await makeReady('nightly', 'images');
    await server.apply(
      ...['taking', 'failed'].map((name) => volumeSnapshot(settings(name))),
      ...['pulling', 'crashed'].map((name) => loaderPod(settings(name), loaderConfigMap(settings(name), INPUTS))),
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
        ['NAME', 'READY', 'IMAGES', 'SIZE', 'COVERAGE', 'SNAPSHOT-ID', 'AGE'],
        ['crashed', 'False', '<none>', '<none>', '<none>', '<failed>', 'AGO'],
        ['failed', 'False', '<none>', '<none>', '<none>', '<snapshotting>', 'AGO'],
        ['pulling', 'False', '<none>', '<none>', '<none>', '<starting>', 'AGO'],
        ['taking', 'False', '<none>', '<none>', '<none>', '<snapshotting>', 'AGO'],
        ['web', 'True', '2', '3Gi', '0/0', 'snap-web', 'AGO'],
      ],
    );
    for (const row of rows) assert.ok(row.length <= 80);
  });

  test('of all namespaces, the namespace first', async () => {
    const [head, ...rows] = (await status('-A')).stdout.trimEnd().split('\n');
    assert.match(head ?? '', /^NAMESPACE +NAME /);
    assert.equal(rows.length, 6);
    assert.match(rows.at(-1) ?? '', /^images +nightly +True +2 /);
  });

  test('of another namespace', async () => {
    assert.deepEqual(
      (await items('-n', 'images')).map(({ name }) => name),
      ['nightly'],
    );
  });

  test('by name, one per line', async () => {
    const kind = 'volumesnapshot.snapshot.storage.k8s.io';
    assert.equal((await status('-o', 'name', '-n', 'images')).stdout, `${kind}/nightly\n`);
    assert.equal((await status('web', '-o', 'name')).stdout, `${kind}/web\n`);
  });

  test('with the reason for each problem', async () => {
    const reasons = Object.fromEntries((await items()).map(({ name, reason }) => [name, reason]));
    assert.deepEqual(reasons, {
      crashed: 'OOMKilled (exit code 137)',
      failed: 'quota exceeded',
      pulling: "the loader's image cannot be pulled: not found",
      taking: undefined,
      web: undefined,
    });
  });

  test('with what the cluster reports about one that does not start', async () => {
    const pod = loaderPod(settings('waiting', 'images'), loaderConfigMap(settings('waiting', 'images'), INPUTS));
    const claim = volumeClaim(settings('waiting', 'images'), loaderConfigMap(settings('waiting', 'images'), INPUTS));
    await server.apply(pod, claim);
    await server.setStatus(`pvc/${claim.metadata.name}`, 'images', { phase: 'Pending' });
    const get = ['get', 'pvc', claim.metadata.name, '-n', 'images', '-o', 'jsonpath={.metadata.uid}'];
    const involvedObject = { kind: 'PersistentVolumeClaim', name: claim.metadata.name, namespace: 'images' };
    await server.apply({
      ...{ apiVersion: 'v1', kind: 'Event', metadata: { name: 'no-class', namespace: 'images' } },
      involvedObject: { ...involvedObject, uid: await server.kubectl(get) },
      ...{ type: 'Warning', reason: 'ProvisioningFailed', message: 'quota of disks exceeded' },
    });
    const { stdout } = await status('waiting', '-n', 'images');
    assert.match(stdout, /^Phase: +Starting\nReason: +cannot create the volume: quota of disks exceeded$/m);
    await server.kubectl(['delete', 'pod,pvc', '-n', 'images', '--all', '--wait=false', '--grace-period=0', '--force']);
  });

  test('one in full, as JSON and YAML', async () => {
    const { created, ...summary } = await json('web');
    assert.match(created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.deepEqual(summary, {
      ...{ ...API, kind: 'Preload', name: 'web', namespace: 'default', phase: 'Ready' },
      ...{ snapshotId: 'snap-web', driver: 'disk.example.com', deletionPolicy: 'Retain' },
      ...{ platform: 'linux/amd64', layout: 'layers', node: 'worker', filesystem: '0aa1-c3f2', version: '1.2.3' },
      contentsDigest: digest('6'),
      ...{ size: 3 * 1024 ** 3, layers: 2 },
      images: [
        { names: record.images[0]?.names, digest: digest('0'), size: 1024 },
        { names: record.images[1]?.names, digest: digest('9'), size: 1000 },
      ],
      ...{ set: record.set, nodes: 0 },
      coverage: { inUse: 0, present: 0, missing: [], outdated: [], unused: record.images },
    });
    assert.deepEqual(load((await status('web', '-o', 'yaml')).stdout), { ...summary, created });
  });

  test('without snapshot IDs for a user who may not read snapshot contents', async () => {
    const read = {
      apiGroups: ['*'],
      resources: [
        ...['pods', 'configmaps', 'volumesnapshots', 'customresourcedefinitions', 'deployments', 'statefulsets'],
        ...['daemonsets', 'replicasets', 'cronjobs', 'jobs'],
      ],
      verbs: ['list'],
    };
    await server.apply(...grant('reader', read));
    const { code, stdout, stderr } = await status('--as', 'reader', '-A');
    assert.equal(code, 0, stderr);
    assert.match(stdout, /\ndefault +web +True +2 +3Gi +0\/0 +<unknown> +\d+s\n/);
    assert.match(stdout, /\nimages +nightly +True +2 +3Gi +0\/0 +<unknown> +\d+s\n/);
    const warning = ` ! snapshot IDs are not shown: this user is not allowed to get volumesnapshotcontents.snapshot.storage.k8s.io
 ! pods count for every platform: this user is not allowed to list nodes
`;
    assert.equal(stderr, warning);
    assert.ok(!('snapshotId' in (await json('web', '--as', 'reader'))));
  });

  test('only those that this tool created', async () => {
    assert.equal((await status('foreign')).code, 1);
  });
});

describe('a record that cannot be used is ignored with a warning, and hides no other preload', () => {
  const MEBIBYTE = 1024 ** 2;
  const changed = (fields: object): Buffer => zipped({ ...record, ...fields });
  const cases: Record<string, [data: Buffer, problem: RegExp]> = {
    bomb: [gzipSync(Buffer.alloc(65 * MEBIBYTE)), /contains more than 64Mi$/],
    escapes: [changed({ node: '\u001b[31mworker' }), /invalid node .*must have no control characters$/],
    garbage: [Buffer.from('garbage'), /is not gzip data$/],
    large: [changed({ usedBytes: 1e300 }), /invalid usedBytes .*: must be a whole number of bytes$/],
    text: [gzipSync('text'), /is not JSON$/],
    wrong: [changed({ images: [{ ...record.images[0], digest: 'sha256:../../etc' }] }), /invalid images\.0\.digest /],
  };
  const good = ['foreign-labels', 'good'];
  const odd = [...Object.keys(cases), 'foreign', 'ownerless', 'keyless'];

  before(async () => {
    await server.apply(...namespace('odd'));
    for (const [name, [data]] of Object.entries(cases)) await makeReady(name, 'odd', data);
    for (const name of [...good, 'foreign', 'ownerless', 'keyless']) await makeReady(name, 'odd');
    const change = (name: string, patch: object) =>
      server.kubectl([
        'patch',
        'configmap',
        `preloaded-${name}`,
        '-n',
        'odd',
        '--type=merge',
        '-p',
        JSON.stringify(patch),
      ]);
    const [owner] = (await recordOf(server, 'good', 'odd')).metadata.ownerReferences ?? [];
    await change('foreign', { metadata: { ownerReferences: [owner] } });
    await change('ownerless', { metadata: { ownerReferences: null } });
    await change('keyless', { binaryData: null });
    const { metadata, ...rest } = await recordOf(server, 'foreign-labels', 'odd', Buffer.from('garbage'));
    await server.apply({ ...rest, metadata: { ...metadata, name: 'z-not-a-record' } });
  });

  test('if one namespace is listed', async () => {
    const { code, stdout, stderr } = await status('-n', 'odd');
    assert.equal(code, 0, stderr);
    const rows = stdout.trimEnd().split('\n').slice(1);
    assert.deepEqual(
      Object.fromEntries(
        rows.map((row) => row.split(/ {2,}/)).map(([name = '', ...cells]) => [name, cells.slice(0, 4)]),
      ),
      Object.fromEntries([
        ...odd.map((name) => [name, ['True', '<unknown>', '<unknown>', '<none>']]),
        ...good.map((name) => [name, ['True', '2', '3Gi', '0/0']]),
      ]),
    );
    const warnings = Object.entries({
      ...Object.fromEntries(Object.entries(cases).map(([name, [, problem]]) => [name, problem])),
      foreign: /belongs to another volume snapshot$/,
      ownerless: /belongs to another volume snapshot$/,
      keyless: /has no preload\.json\.gz$/,
    });
    const said = stderr.trimEnd().split('\n');
    assert.equal(said.length, warnings.length, stderr);
    for (const [name, problem] of warnings) {
      const start = ` ! ignoring the record configmap/preloaded-${name} in namespace odd: `;
      const [warning = '', ...others] = said.filter((line) => line.startsWith(start));
      assert.deepEqual(others, []);
      assert.match(warning, problem);
    }
    assert.ok(!stderr.includes('\u001b'));
  });

  test('if all namespaces are listed', async () => {
    const { code, stdout } = await status('-A');
    assert.equal(code, 0);
    assert.match(stdout, /^odd +bomb +True +<unknown> /m);
    assert.match(stdout, /^default +web +True +2 /m);
  });
});
