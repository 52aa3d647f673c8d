import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { loadAll } from 'js-yaml';
import { type KubernetesObject, objectName } from '../../src/manifests/object.ts';
import { parseRequest } from '../../src/model/request.ts';
import { until } from '../cluster/machine/until.ts';
import { requested } from '../harness/capture-request.ts';
import { BUNDLE, runBundle } from '../harness/run-bundle.ts';
import { namespace, node, STORAGE, startTestServer } from './api-server.ts';

const APP = 'registry.example.com/app:1';
const MEBIBYTE = 1024 ** 2;

const server = await startTestServer();
after(server.stop);
before(async () => {
  const cached = { [APP]: 1800 * MEBIBYTE, 'docker.io/library/nginx:1': 200 * MEBIBYTE, 'r.io/small:1': 90 * MEBIBYTE };
  await server.apply(...STORAGE, ...namespace('images'), node('warm', cached), node('arm', {}, 'arm64'));
});

const dryRun = (...flags: string[]) => server.preload('create', 'web', APP, '--dry-run=client', ...flags);

const plan = async (...flags: string[]): Promise<KubernetesObject[]> => {
  const { code, stdout, stderr } = await dryRun('-o', 'json', ...flags);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout).items;
};

const NAMES = [
  'configmap/preload-web',
  'pod/preload-web-plan',
  'persistentvolumeclaim/preload-web',
  'pod/preload-web',
  'volumesnapshot.snapshot.storage.k8s.io/web',
];

describe('a dry run', () => {
  test('prints the objects in every format, and creates none', async () => {
    const before = await server.objects();
    const [words, names, json, yaml] = await Promise.all([
      dryRun(),
      dryRun('-o', 'name'),
      dryRun('-o', 'json'),
      dryRun('-o', 'yaml'),
    ]);
    assert.equal(words.stdout, NAMES.map((name) => `${name} created (dry run)\n`).join(''));
    assert.equal(names.stdout, NAMES.map((name) => `${name}\n`).join(''));
    assert.deepEqual(loadAll(yaml.stdout), JSON.parse(json.stdout).items);
    assert.deepEqual(await server.objects(), before);
  });

  test('prints what the server accepts', async () => {
    const { stdout } = await dryRun('-o', 'yaml');
    const accepted = await server.kubectl(['create', '--dry-run=server', '-o', 'name', '-f', '-'], stdout);
    assert.deepEqual(accepted.trim().split('\n'), NAMES);
  });

  test('prints what a run creates', async () => {
    const planned = await plan('--size', '4Gi');
    const run = server.start('create', 'web', APP, '--size', '4Gi');
    await until('the loader starting', () => run.said.stderr.includes('Starting the loader'));
    const made = JSON.parse(await server.kubectl(['get', ...planned.slice(0, 3).map(objectName), '-o', 'json'])).items;
    run.child.kill('SIGINT');
    await run.outcome;
    assert.partialDeepStrictEqual(made, planned.slice(0, 3));
  });

  test('works even if a preload cannot be created', async () => {
    const { code } = await dryRun('-n', 'nowhere', '--storage-class', 'gold');
    assert.equal(code, 0);
  });
});

describe('the preferred node', () => {
  const IMAGE = 'r.io/tainted:1';
  const most = { [IMAGE]: MEBIBYTE, [APP]: MEBIBYTE };
  const taint = (key: string, effect: string) => ({ key, value: 'ci', effect });
  before(() =>
    server.apply(
      node('some', { [IMAGE]: MEBIBYTE }),
      { ...node('tainted', most), spec: { taints: [taint('dedicated', 'NoSchedule')] } },
      { ...node('cordoned', most), spec: { unschedulable: true } },
      node('not-ready', most),
    ),
  );
  before(() => server.setStatus('node/not-ready', '', { conditions: [{ type: 'Ready', status: 'False' }] }));
  after(() => server.kubectl(['delete', 'node', 'some', 'tainted', 'cordoned', 'not-ready']));

  const PREFERRED: Record<string, [node: string, ...tolerations: string[]]> = {
    'is not one that is cordoned, not ready, or has a taint': ['some'],
    'may be one whose taint --toleration matches by its key': ['tainted', 'dedicated'],
    'may be one whose taint --toleration matches by its value': ['tainted', 'other', 'dedicated=ci'],
    'may be one whose taint --toleration matches by all': ['tainted', 'dedicated=ci:NoSchedule'],
    'is not one whose taint has another value': ['some', 'dedicated=web'],
    'is not one whose taint has another effect': ['some', 'dedicated=ci:NoExecute'],
  };
  for (const [what, [preferred, ...tolerations]] of Object.entries(PREFERRED)) {
    test(what, async () => {
      const flags = tolerations.flatMap((text) => ['--toleration', text]);
      const { stderr } = await dryRun(IMAGE, ...flags);
      assert.match(stderr, new RegExp(`^ ✓ Node ${preferred} has `, 'm'));
    });
  }
});

describe('the objects', () => {
  test('contain this program and the request', async () => {
    const [configMap] = await plan('--exclude', 'x', '--max-rate', '50Mi');
    assert.ok(configMap);
    const data = configMap.binaryData as { 'preload.cjs.gz': string; 'request.json.gz': string };
    assert.ok(gunzipSync(Buffer.from(data['preload.cjs.gz'], 'base64')).equals(await readFile(BUNDLE)));
    assert.deepEqual(parseRequest(gunzipSync(Buffer.from(data['request.json.gz'], 'base64')).toString()), {
      images: [requested(APP, { namespaces: ['default'] })],
      cache: false,
      exclude: ['x'],
      platform: 'linux/amd64',
      forcePull: false,
      copy: true,
      seed: true,
      budget: 21 * 60_000,
      estimate: 4 * 1024 ** 3,
      parallel: 4,
      maxRate: 50 * MEBIBYTE,
      layout: 'layers',
      oneTarPerImage: false,
      tools: { ctrPath: 'ctr', ctrFlags: '', containerdPath: 'containerd' },
    });
  });

  test('are for the images after a flag that can be repeated', async () => {
    const [configMap] = await plan('--exclude', 'x', 'r.io/after:1', '--exclude', 'y');
    const data = configMap?.binaryData as { 'request.json.gz': string };
    const request = parseRequest(gunzipSync(Buffer.from(data['request.json.gz'], 'base64')).toString());
    assert.deepEqual(request.exclude, ['x', 'y']);
    assert.deepEqual(request.images, [
      requested(APP, { namespaces: ['default'] }),
      requested('r.io/after:1', { namespaces: ['default'] }),
    ]);
  });

  test('depend on the images, sizes and platform that nodes report', async () => {
    const [, , claim, pod] = await plan('docker.io/library/nginx:1');
    assert.partialDeepStrictEqual(claim, { spec: { resources: { requests: { storage: '4Gi' } } } });
    const values = JSON.stringify(pod?.spec);
    assert.match(values, /"preferredDuringSchedulingIgnoredDuringExecution":.*"values":\["warm"\]/);
  });

  test('are without a plan, and with the smallest volume, if nodes report that all images are small', async () => {
    const argv = ['create', 'web', 'r.io/small:1', '--dry-run=client', '-o', 'json'];
    const { items } = JSON.parse((await server.preload(...argv)).stdout);
    assert.deepEqual(
      items.map(objectName),
      NAMES.filter((name) => !name.endsWith('-plan')),
    );
    assert.partialDeepStrictEqual(items[1], { spec: { resources: { requests: { storage: '1Gi' } } } });
  });

  test('follow the flags', async () => {
    const node = ['--node', 'worker', '--size', '7Gi', '--image', 'r.io/node:24', '--timeout', '5m'];
    const classes = ['--storage-class', 'fast', '--snapshot-class', 'cold', '-n', 'images'];
    const objects = await plan(...node, ...classes);
    for (const { metadata } of objects) assert.equal(metadata.namespace, 'images');
    const [, claim, pod, snapshot] = objects;
    assert.partialDeepStrictEqual(claim, {
      spec: { storageClassName: 'fast', resources: { requests: { storage: '7Gi' } } },
    });
    assert.partialDeepStrictEqual(pod, {
      spec: {
        activeDeadlineSeconds: 900,
        containers: [{ image: 'r.io/node:24' }],
        tolerations: [{ operator: 'Exists' }],
      },
    });
    assert.match(JSON.stringify(pod), /"requiredDuringSchedulingIgnoredDuringExecution":.*"values":\["worker"\]/);
    assert.partialDeepStrictEqual(snapshot, { spec: { volumeSnapshotClassName: 'cold' } });
  });

  test('are for the requested platform', async () => {
    const [, planPod, , pod] = await plan('--platform', 'linux/arm64');
    for (const each of [planPod, pod])
      assert.partialDeepStrictEqual(each, { spec: { nodeSelector: { 'kubernetes.io/arch': 'arm64' } } });
  });

  test('are also for a platform whose nodes are still to come', async () => {
    const argv = ['create', 'web', 'r.io/app:1', '--dry-run=client', '-o', 'json', '--platform', 'linux/riscv64'];
    const { stdout, stderr } = await server.preload(...argv);
    assert.partialDeepStrictEqual(JSON.parse(stdout).items[3].spec.nodeSelector, { 'kubernetes.io/arch': 'riscv64' });
    assert.match(stderr, /^ ! no linux\/riscv64 node is ready for the loader, so it waits for one$/m);
  });

  test('are for the platform of most nodes if none has more of the images, and a warning names the others', async () => {
    const create = (...flags: string[]) =>
      server.preload('create', 'web', 'r.io/nowhere:1', '--dry-run=client', '-o', 'json', ...flags);
    const { stdout, stderr } = await create();
    assert.partialDeepStrictEqual(JSON.parse(stdout).items[3].spec.nodeSelector, { 'kubernetes.io/arch': 'amd64' });
    const warning =
      / ! only linux\/amd64 will be captured, but the cluster also has linux\/arm64 nodes; choose one with --platform, or use --all-platforms\n/;
    assert.match(stderr, warning);
    for (const chosen of [
      ['--platform', 'linux/amd64'],
      ['--node', 'arm'],
    ]) {
      assert.doesNotMatch((await create(...chosen)).stderr, /will be captured, but/);
    }
  });

  test("are in the context's namespace unless another is specified", async () => {
    const config = JSON.parse(await readFile(server.kubeconfig, 'utf8'));
    config.contexts[0].context.namespace = 'images';
    const path = `${server.kubeconfig}-images`;
    await writeFile(path, JSON.stringify(config));
    const [own, named] = await Promise.all([plan('--kubeconfig', path), plan('--kubeconfig', path, '-n', 'default')]);
    assert.equal(own[0]?.metadata.namespace, 'images');
    assert.equal(named[0]?.metadata.namespace, 'default');
  });

  test('take the image of the loader from KUBECTL_PRELOAD_IMAGE', async () => {
    const env = { KUBECONFIG: server.kubeconfig, KUBECTL_PRELOAD_IMAGE: 'mirror.example.com/node:26' };
    const { stdout } = await runBundle(['create', 'web', APP, '--dry-run=client', '-o', 'json'], env);
    const [, planPod, , pod] = JSON.parse(stdout).items;
    for (const { spec } of [planPod, pod]) assert.equal(spec.containers[0].image, 'mirror.example.com/node:26');
  });
});
