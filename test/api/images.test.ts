import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { ImageEntry } from '../../src/commands/images/list.ts';
import { imageName } from '../../src/model/image-reference.ts';
import { parseRequest } from '../../src/model/request.ts';
import { digest } from '../harness/captured-images.ts';
import { runBundle, startBundle } from '../harness/run-bundle.ts';
import { grant, namespace, node, startTestServer } from './api-server.ts';
import { custom, KINDS, meta, podSpec, USERS } from './image-users.ts';

const USAGE = resolve(import.meta.dirname, '../harness/report-usage.cjs');

const server = await startTestServer();
const folder = await mkdtemp(join(tmpdir(), 'kubectl-preload-images-'));
after(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

before(async () => {
  await server.apply(
    ...namespace('shop', { team: 'a' }),
    ...namespace('other', { team: 'b' }),
    ...KINDS,
    node('plain', { 'nginx:1.27': 70 * 1024 ** 2, [`docker.io/library/nginx@${digest('a')}`]: 1 }),
    node('cached', { 'docker.io/library/nginx:1.27': 60 * 1024 ** 2, 'r.io/cached:1': 5 * 1024 ** 2 }),
  );
  await server.setStatus('node/plain', '', {
    images: [
      { names: ['docker.io/library/nginx:1.27', `docker.io/library/nginx@${digest('a')}`], sizeBytes: 70 * 1024 ** 2 },
    ],
  });
  await server.kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
  await server.apply(...USERS);
});

const images = (...flags: string[]) => server.preload('images', ...flags);
const names = async (...flags: string[]): Promise<string[]> =>
  (await images('-o', 'name', ...flags)).stdout.split('\n').filter(Boolean);
const onStdin = (text: string, ...argv: string[]) =>
  runBundle([...argv, '--from-file', '-'], { KUBECONFIG: server.kubeconfig }, text);

const IN_USE = [
  'docker.io/library/nginx:1.27',
  'r.io/alone:1',
  'r.io/anything:1',
  'r.io/canary:1',
  'r.io/crew-a:1',
  'r.io/crew-b:1',
  'r.io/gen:2',
  'r.io/legacy:1',
  'r.io/mesh:1',
];

describe('images in use', () => {
  test('are also those of custom resources, and of ReplicaSets without a controller', async () => {
    assert.deepEqual(await names(), IN_USE);
    assert.deepEqual(await names('-A'), IN_USE);
  });

  test('are shown with what uses them, and where they are', async () => {
    const { code, stdout, stderr } = await images();
    assert.equal(code, 0, stderr);
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((row) => row.split(/ {3,}/));
    assert.deepEqual(rows.slice(0, 5), [
      ['NAME', 'SIZE', 'USED-BY', 'NODES'],
      ['docker.io/library/nginx:1.27', '70Mi', 'deployment/shop/api +1 more', '2'],
      ['r.io/alone:1', '<unknown>', 'replicaset/shop/alone', '0'],
      ['r.io/anything:1', '<unknown>', 'anything.apps.example.com/shop/workload', '0'],
      ['r.io/canary:1', '<unknown>', 'rollout.argoproj.io/shop/canary', '0'],
    ]);
    assert.deepEqual(rows.at(-1), ['r.io/mesh:1', '<unknown>', 'sidecar.apps.example.com/mesh', '0']);
    assert.match(stderr, /^ ✓ 9 images in use in 2 namespaces\n ✓ Nodes report 70Mi for 1 of 9 images$/m);
  });

  test('have digests and names of nodes in the wide table and in JSON', async () => {
    const [, nginx = ''] = (await images('-o', 'wide')).stdout.split('\n');
    assert.match(nginx, /deployment\/shop\/api, deployment\/shop\/web {3}2 {7}sha256:a{64} {3}cached, plain$/);
    const [first]: ImageEntry[] = JSON.parse((await images('-o', 'json')).stdout).items;
    assert.deepEqual(first, {
      ...{
        apiVersion: 'kubectl-preload/v1',
        kind: 'Image',
        name: IN_USE[0],
        size: 70 * 1024 ** 2,
        digest: digest('a'),
      },
      required: false,
      users: ['api', 'web'].map((name) => ({ kind: 'deployment', namespace: 'shop', name })),
      ...{ files: [], nodes: ['cached', 'plain'], nodesUnknown: 0 },
    });
  });

  test('can be chosen by labels of workloads and namespaces', async () => {
    assert.deepEqual(await names('-l', 'app in (web, canary)'), ['docker.io/library/nginx:1.27', 'r.io/canary:1']);
    assert.deepEqual(await names('--namespace-selector', 'team=b'), ['r.io/legacy:1']);
    assert.deepEqual(await names('--namespace-selector', 'team=b', '--selector', 'app=web'), []);
    assert.deepEqual(await names('--exclude', 'r.io/'), ['docker.io/library/nginx:1.27']);
  });

  test('are the same that create captures', async () => {
    for (const flags of [[], ['-l', 'app=web'], ['--namespace-selector', 'team=b'], ['--exclude', 'nginx']]) {
      assert.deepEqual((await request(flags)).images, await names(...flags), flags.join(' '));
    }
  });

  test('that do not match are an error with a remedy', async () => {
    const { code, stdout, stderr } = await images('-l', 'app=nothing');
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^error: no images in use match\nhint: check --selector, /m);
  });

  test('with an invalid selector get the reason of the server, once', async () => {
    for (const flag of ['--selector', '--namespace-selector']) {
      const { code, stderr } = await images(flag, 'app=(');
      assert.equal(code, 1);
      assert.match(stderr, /^Error from server \(BadRequest\): unable to parse requirement/m);
      assert.doesNotMatch(stderr, / ! /);
    }
  });

  test('of all namespaces are shown, and -n is told what would choose one', async () => {
    const { code, stdout, stderr } = await images('-n', 'other', '-o', 'name');
    assert.deepEqual([code, stdout.trim().split('\n')], [0, IN_USE]);
    assert.match(
      stderr,
      / ! images of all namespaces are shown; to choose some, use --namespace-selector instead of -n/,
    );
  });
});

describe('with fewer rights', () => {
  const list = (apiGroups: string[], resources: string[]) => ({ apiGroups, resources, verbs: ['list'] });

  test('a warning says what is missed', async () => {
    await server.apply(...grant('pods-only', list([''], ['pods'])));
    const { code, stdout, stderr } = await images(
      '--as',
      'pods-only',
      '--from-file',
      await file('a', 'nginx:1.27'),
      '--from',
      'cluster',
    );
    assert.deepEqual([code, stdout.split('\n').length], [0, 3], stderr);
    const missed = [...stderr.matchAll(/^ ! cannot list (\S+), so images used only (.*) are left out: .*forbidden/gm)];
    assert.deepEqual(
      missed.map(([, kind, where]) => `${kind} ${where}`),
      [
        'customresourcedefinitions by custom resources',
        ...['deployments', 'statefulsets', 'daemonsets', 'replicasets', 'cronjobs', 'jobs'].map(
          (kind) => `${kind} there`,
        ),
      ],
    );
    assert.match(stderr, /^ ! not allowed to list nodes, so sizes and nodes are unknown$/m);
    assert.match(stdout, /^docker.io\/library\/nginx:1.27 {3}<unknown> {3}\S+ {3}<unknown>$/m);
  });

  test('a warning names each custom kind', async () => {
    await server.apply(...grant('no-rollouts', list(['', 'apps', 'batch', 'apiextensions.k8s.io'], ['*'])));
    const { code, stderr } = await images('--as', 'no-rollouts');
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^ ! cannot list rollouts\.argoproj\.io, so images used only there are left out: rollouts/m);
    assert.equal(stderr.match(/^ ! cannot list/gm)?.length, 5);
  });

  test('without pods, it is an error', async () => {
    await server.apply(...grant('no-pods', list(['apps', 'batch', 'apiextensions.k8s.io'], ['*'])));
    const { code, stderr } = await images('--as', 'no-pods');
    assert.equal(code, 1);
    assert.match(stderr, /^Error from server \(Forbidden\): pods is forbidden/m);
  });
});

describe('the cache of a node', () => {
  test('is what it reports', async () => {
    assert.deepEqual(await names('--from', 'cache', '--node', 'cached'), [
      'docker.io/library/nginx:1.27',
      'r.io/cached:1',
    ]);
    assert.deepEqual(await names('--from', 'cache', '--node', 'plain'), ['docker.io/library/nginx:1.27']);
  });

  test('is added to images in use, of the node that create would choose', async () => {
    const { stdout, stderr } = await images('--from', 'cluster,cache', '-o', 'name');
    assert.deepEqual(stdout.trim().split('\n'), [...IN_USE, 'r.io/cached:1'].sort());
    assert.match(stderr, /^ ✓ 2 images in the cache of node cached$/m);
  });

  test('needs a node if nothing else tells which', async () => {
    const { code, stderr } = await images('--from', 'cache');
    assert.equal(code, 1);
    assert.match(stderr, /^error: create may use any node, .*\nhint: specify one with --node$/m);
  });

  test('may have more than the kubelet reports', async () => {
    const many = Array.from({ length: 50 }, (_, index) => ({ names: [`r.io/many-${index}:1`], sizeBytes: 1 }));
    await server.apply(node('many'));
    await server.setStatus('node/many', '', { images: many });
    const { stdout, stderr } = await images('--from', 'cache', '--node', 'many');
    assert.match(stderr, /^ ! node many may have more images than the 50 that kubelets report$/m);
    assert.match(stdout, /^r\.io\/many-0:1 +1 +<none> +1$/m);
    assert.match((await images()).stdout, /^r\.io\/alone:1 .* 0\+$/m);
    await server.kubectl(['delete', 'node', 'many']);
  });
});

describe('images in files', () => {
  test('of 200 manifests on standard input are found, each once', async () => {
    const manifests = Array.from({ length: 200 }, (_, index) => manifest(index));
    const { code, stdout, stderr } = await onStdin(manifests.join('---\n'), 'images', '-o', 'name');
    assert.equal(code, 0, stderr);
    const expected = Array.from({ length: 100 }, (_, index) => `r.io/app-${index}:1`);
    assert.deepEqual(stdout.trim().split('\n'), [...expected, 'r.io/init:1'].sort());
    assert.match(stderr, /^ ✓ 101 images in standard input$/m);
  });

  test('that are none are reported, each with its file and path', async () => {
    const manifests = Array.from({ length: 200 }, (_, index) => manifest(index));
    manifests[10] = manifest(10, '"{{ .Values.image }}"');
    manifests[150] = manifest(150, 'Not/An:Image');
    const places = [
      ' ! standard input: document 11, spec.template.spec.containers[0].image: "{{ .Values.image }}" is not an image reference; its placeholder was not replaced',
      ' ! standard input: document 151, spec.template.spec.containers[0].image: "Not/An:Image" is not an image reference',
    ];
    for (const argv of [['images'], ['create', 'web', '--dry-run=client']]) {
      const { code, stdout, stderr } = await onStdin(manifests.join('---\n'), ...argv);
      assert.deepEqual([code, stdout], [1, '']);
      assert.deepEqual(
        stderr.split('\n').filter((line) => line.startsWith(' !')),
        places,
      );
      assert.match(
        stderr,
        /^error: found 2 problems in files\nhint: correct the file, or leave out images with --exclude$/m,
      );
    }
  });

  test('are required, and may be used in the cluster as well', async () => {
    const list = await file('list.txt', 'nginx:1.27\nr.io/new:1 # not there yet\n');
    const found = await request(['--from-file', list, '--from', 'cluster', '-n', 'other']);
    assert.deepEqual(found.required, ['docker.io/library/nginx:1.27', 'r.io/new:1']);
    assert.deepEqual(found.images.toSorted(), [...IN_USE, 'r.io/new:1'].sort());
    assert.deepEqual(found.namespaces[0], ['shop', 'other']);
    assert.deepEqual(found.usedBy.slice(0, 2), ['deployment/shop/api', list]);
    const { stdout } = await images('--from-file', list);
    assert.match(stdout, /^r\.io\/new:1 +<unknown> +\S+list\.txt +0$/m);
  });

  test('can be given beside images, and in several files', async () => {
    const [one, two] = [await file('one', 'r.io/one:1\nr.io/both:1'), await file('two', 'r.io/two:1\nr.io/both:1')];
    const found = await request(['r.io/named:1', '--from-file', one, '--from-file', two]);
    assert.deepEqual(found.images, ['r.io/named:1', 'r.io/one:1', 'r.io/both:1', 'r.io/two:1']);
    assert.deepEqual(found.required, found.images);
    assert.deepEqual(await names('--from-file', one, '--from-file', two, '--exclude', 'r.io/both'), [
      'r.io/one:1',
      'r.io/two:1',
    ]);
  });

  test('can be what images has printed', async () => {
    const { stdout } = await images('-o', 'name');
    assert.equal((await onStdin(stdout, 'images', '-o', 'name')).stdout, stdout);
  });

  test('that cannot be read are an error with a remedy', async () => {
    const none = await file('service.yaml', 'kind: Service\n');
    for (const [path, problem] of [
      ['/dev/zero', /^error: \/dev\/zero has more than 64Mi$/m],
      [
        '/nonexistent',
        /^error: cannot read the file: no such file or directory: \/nonexistent\nhint: check --from-file$/m,
      ],
      ['/', /^error: \/ is a directory\nhint: specify each file with --from-file$/m],
      [process.execPath, /^error: \S+ (is not a text file|has more than 64Mi)$/m],
      [none, /^error: \S+service\.yaml contains no images to capture\nhint: specify manifests with containers, /m],
    ] as const) {
      const { code, stdout, stderr } = await images('--from-file', path);
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, problem);
    }
  });

  test('end with Ctrl-C while standard input is open', async () => {
    const { child, said, outcome } = startBundle(
      ['images', '--from-file', '-'],
      { KUBECONFIG: server.kubeconfig },
      null,
    );
    while (!said.stderr.includes('Reading files')) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill('SIGINT');
    assert.equal((await outcome).code, 130);
  });
});

test('huge custom resources are read few at a time', async () => {
  const huge = (index: number) =>
    custom('apps.example.com', 'Anything', meta(`huge-${index}`, { labels: { size: 'huge' } }), {
      padding: 'x'.repeat(500_000),
      template: { spec: podSpec(`r.io/huge-${index}:1`) },
    });
  for (let index = 0; index < 60; index += 1) await server.apply(huge(index)); // together, too much for the server
  const { stdout, stderr } = await runBundle(['images', '-o', 'name', '-l', 'size=huge'], {
    ...{ KUBECONFIG: server.kubeconfig, NODE_OPTIONS: `--require=${USAGE}` },
  });
  assert.equal(stdout.split('\n').length, 61, stderr);
  const [, memory] = /^usage: (\d+) /m.exec(stderr) ?? [];
  assert.ok(Number(memory) > 0 && Number(memory) <= 250 * 1000 ** 2, `${memory} bytes`);
});

const file = async (name: string, text: string): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
};

const manifest = (index: number, image = `r.io/app-${index % 100}:1`): string =>
  [
    `# Source: chart/templates/app-${index}.yaml`,
    ...[
      'apiVersion: apps/v1',
      'kind: Deployment',
      'metadata:',
      `  name: app-${index}`,
      'spec:',
      '  template:',
      '    spec:',
    ],
    ...['      initContainers:', '      - name: init', '        image: r.io/init:1'],
    ...['      containers:', '      - name: main', `        image: ${image}`, ''],
  ].join('\n');

/** What `create` would ask the loader to capture. */
const request = async (flags: string[]) => {
  const { code, stdout, stderr } = await server.preload('create', 'all', '--dry-run=client', '-o', 'json', ...flags);
  assert.equal(code, 0, stderr);
  const data: string = JSON.parse(stdout).items[0].binaryData['request.json.gz'];
  const { images } = parseRequest(gunzipSync(Buffer.from(data, 'base64')).toString());
  return {
    images: images.map(({ name }) => imageName(name)),
    required: images.filter(({ required }) => required).map(({ name }) => imageName(name)),
    namespaces: images.map(({ namespaces }) => namespaces),
    usedBy: images.map(({ usedBy }) => usedBy),
  };
};
