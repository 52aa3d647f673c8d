import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createReadStream, existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { loaderConfigMap } from '../../src/manifests/loader.ts';
import { loaderPod } from '../../src/manifests/loader-pod.ts';
import { volumeSnapshot } from '../../src/manifests/snapshot.ts';
import { grant, namespace, node, snapshotClass, startTestServer, storageClass } from './api-server.ts';
import { pluginFolder } from './plugin-folder.ts';
import { settings } from './records.ts';

const server = await startTestServer();
const plugin = await pluginFolder();
const folder = await mkdtemp(join(tmpdir(), 'kubectl-preload-completion-'));
after(async () => {
  await server.stop();
  await plugin.remove();
  await rm(folder, { recursive: true });
});

const ARN = 'arn:aws:eks:eu-west-1:1234:cluster/shop';

before(async () => {
  const made = (name: string, space = 'default') => volumeSnapshot(settings(name, space));
  const pod = (name: string, image: string) => ({
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' } },
    spec: { containers: [{ name: 'c', image }] },
  });
  const inputs = { bundle: Buffer.of(), request: Buffer.of(), run: Buffer.of() };
  await server.apply(...namespace('shop'), ...namespace('images'));
  await server.apply(
    ...['nightly-20261126-013000', 'nightly-20261127-013000', 'web'].map((name) => made(name)),
    made('elsewhere', 'images'),
    ...[pod('a', 'nginx:1.27'), pod('b', 'r.io:5000/team/app:2'), pod('c', 'not an image!')],
    loaderPod(settings('cut-off'), loaderConfigMap(settings('cut-off'), inputs)),
    node('arm', {}, 'arm64'),
    { ...node('gpu'), spec: { taints: [{ key: 'gpu', value: 'a100', effect: 'NoSchedule' }] } },
    ...[storageClass('fast'), snapshotClass('snap')],
    ...grant('reader', { apiGroups: [''], resources: ['namespaces'], verbs: ['list'] }),
  );
  await server.finishSnapshot('web');
});

interface Answer {
  words: string[];
  described: Record<string, string>;
  /** what the shell does besides */
  directive: string;
}

const run = async (argv: readonly string[], env: Record<string, string> = {}) => {
  const [command = '', ...args] = argv;
  const HOME = join(folder, 'home');
  const child = spawn(command, args, {
    env: { PATH: plugin.PATH, HOME, KUBECONFIG: server.kubeconfig, KUBECTL_PRELOAD_COMPLETION_TIMEOUT: '10s', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise((resolve) => child.once('close', resolve)),
  ]);
  return { code, stdout, stderr };
};

/** What kubectl tells a shell about this line; the last of `words` is not finished. */
const complete = async (words: string[], env: Record<string, string> = {}): Promise<Answer> => {
  const { code, stdout, stderr } = await run(['kubectl', '__complete', 'preload', ...words], env);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^Completion ended with directive: /m);
  const lines = stdout.trim().split('\n');
  const directive = lines.pop() ?? '';
  const described = Object.fromEntries(lines.map((line) => line.split('\t')));
  return { words: lines.map((line) => line.split('\t')[0] ?? ''), described, directive };
};

const words = async (...typed: string[]): Promise<string[]> => (await complete(typed)).words.sort();

describe('without a cluster', () => {
  test('verbs are completed, with what they do', async () => {
    const { described, directive } = await complete(['ver']);
    assert.deepEqual(Object.keys(described), ['verify', 'version']);
    assert.equal(described.version, 'Print the version');
    assert.equal(directive, ':4');
    assert.deepEqual(await words('help', 'ver'), ['verify', 'version']);
    assert.deepEqual(await words('nonsense', ''), []);
  });

  test('flags are completed, with what they do, unless they were given and cannot be repeated', async () => {
    const { described } = await complete(['status', '--kube']);
    assert.deepEqual(described, { '--kubeconfig': 'Path to the kubeconfig file' });
    assert.deepEqual(await words('status', '-n', 'shop', '--names'), []);
    assert.deepEqual(await words('create', '--exclude', 'a', '--excl'), ['--exclude']);
    assert.ok((await words('status', '-')).includes('-A'));
  });

  test('flags that are on by default are completed as their opposite, all others as they are', async () => {
    assert.deepEqual(await words('create', 'web', '--no-'), ['--no-copy', '--no-seed', '--no-wait']);
    assert.deepEqual(await words('create', 'web', '--keep'), ['--keep', '--keep-last']);
    assert.deepEqual(await words('create', 'web', '--co'), ['--containerd-path', '--context']);
  });

  test('values of a list are completed in every form in which a flag can be typed', async () => {
    assert.deepEqual(await words('create', 'web', '-o', ''), ['json', 'name', 'yaml']);
    assert.deepEqual(await words('create', 'web', '--output', 'j'), ['json']);
    assert.deepEqual(await words('create', 'web', '--output=y'), ['yaml']);
    assert.deepEqual(await words('create', 'web', '-o=y'), ['yaml']);
    assert.deepEqual(await words('status', '-oy'), ['-oyaml']);
    assert.deepEqual(await words('status', '-o', 'json'), ['json', 'jsonpath=']);
    assert.deepEqual(await words('status', '-Aoy'), ['-Aoyaml']);
    assert.deepEqual(await words('create', 'web', '--layout', 'layers,'), ['layers,blobs']);
    assert.deepEqual(await words('create', 'web', '--keep='), ['false', 'true']);
  });

  test('a flag without a value is not followed by one', async () => {
    assert.deepEqual(await words('status', '-A', 'we'), ['web']);
    assert.deepEqual(await words('create', '--no-copy', '--layo'), ['--layout']);
  });

  test('required flags are offered where nothing else can stand', async () => {
    assert.deepEqual(await words('snapshot', ''), ['--name', '--pvc']);
    assert.deepEqual(await words('snapshot', '--pvc', 'a', ''), ['--name']);
  });

  test('the shell completes paths', async () => {
    assert.equal((await complete(['status', '--kubeconfig', ''])).directive, ':0');
    assert.equal((await complete(['create', 'web', '--report', ''])).directive, ':0');
    assert.equal((await complete(['verify', '--volume', ''])).directive, ':16');
  });

  test('help that was typed before does not get in the way', async () => {
    assert.deepEqual(await words('status', '--help', '--kube'), ['--kubeconfig']);
  });
});

describe('names come from the cluster', () => {
  const NIGHTLY = ['nightly-', 'nightly-20261126-013000', 'nightly-20261127-013000'];

  test('preloads, whether they are ready, and the prefixes of those that are renewed', async () => {
    const { described } = await complete(['verify', '']);
    assert.deepEqual(Object.keys(described).sort(), [...NIGHTLY, 'web']);
    assert.match(described.web ?? '', /^ready, \d+s$/);
    assert.match(described['nightly-20261126-013000'] ?? '', /^not ready, \d+s$/);
    assert.equal(described['nightly-'], 'the newest one');
    assert.deepEqual(await words('create', 'new', '--base', 'n'), NIGHTLY);
    assert.deepEqual(await words('create', 'new', '--base=w'), ['web']);
  });

  test('also preloads that are being captured, for status and to continue with create', async () => {
    assert.deepEqual(await words('status', ''), ['cut-off', ...NIGHTLY, 'web']);
    assert.deepEqual(await words('create', '--resume', ''), ['cut-off']);
    assert.deepEqual(await words('create', ''), []);
  });

  test('from the namespace, context and kubeconfig that were typed before', async () => {
    assert.deepEqual(await words('status', '-n', 'images', ''), ['elsewhere']);
    assert.deepEqual(await words('status', '-nimages', ''), ['elsewhere']);
    assert.deepEqual(await words('status', '--namespace=images', 'else'), ['elsewhere']);
    const env = { KUBECTL_PRELOAD_NAMESPACE: 'images' };
    assert.deepEqual((await complete(['status', ''], env)).words, ['elsewhere']);
    const missing = join(folder, 'missing');
    assert.deepEqual(await words('status', '--kubeconfig', missing, ''), []);
    const typed = ['status', '--kubeconfig', server.kubeconfig, 'we'];
    assert.deepEqual((await complete(typed, { KUBECONFIG: missing })).words, ['web']);
    assert.deepEqual(await words('status', '--context', 'missing', ''), []);
  });

  test('as the user that was typed before', async () => {
    assert.deepEqual(await words('status', '--as', 'reader', ''), []);
    assert.ok((await words('status', '--as', 'reader', '-n', '')).includes('shop'));
    assert.deepEqual(await words('status', '--as', 'nobody', '-n', ''), []);
  });

  test('of objects of the cluster', async () => {
    assert.deepEqual(await words('status', '-n', 's'), ['shop']);
    assert.deepEqual(await words('create', 'web', '--node', ''), ['arm', 'gpu', 'worker']);
    assert.deepEqual(await words('create', 'web', '--platform', ''), ['linux/amd64', 'linux/arm64']);
    assert.deepEqual(await words('create', 'web', '--storage-class', ''), ['fast']);
    assert.deepEqual(await words('create', 'web', '--snapshot-class', ''), ['snap']);
    assert.deepEqual(await words('snapshot', '--class', ''), ['snap']);
    assert.deepEqual(await words('create', 'web', '--toleration', 'gpu'), ['gpu=a100:NoSchedule']);
    assert.ok((await words('create', 'web', '--priority-class', '')).includes('system-node-critical'));
  });

  test('of images in use, each once, with and without the registry that everybody leaves out', async () => {
    assert.deepEqual(await words('create', 'web', 'r.io:'), ['r.io:5000/team/app:2']);
    assert.deepEqual(await words('create', 'web', 'ngi'), ['nginx:1.27']);
    assert.deepEqual(await words('create', 'web', 'docker.io/lib'), ['docker.io/library/nginx:1.27']);
    assert.deepEqual(await words('create', 'web', 'nginx:1.27', 'ngi'), []);
    assert.deepEqual(await words('create', 'web', '--exclude', 'r.io:5'), ['r.io:5000/team/app:2']);
    assert.deepEqual(await words('create', 'web', '--exclude', 'x,ngi'), ['x,nginx:1.27']);
  });

  test('of contexts, from the kubeconfig, but none that a shell would not take as they are', async () => {
    const kubeconfig = join(folder, 'contexts');
    const contexts = [ARN, 'kind-a', 'b; touch x', '$(touch y)', '-rf', 'a\tb', 'a\nb'];
    const entries = contexts.map((name) => ({ name, context: { cluster: 'c', user: 'u' } }));
    await writeFile(kubeconfig, JSON.stringify({ contexts: entries }));
    const answer = await complete(['status', '--context', ''], { KUBECONFIG: kubeconfig });
    assert.deepEqual(answer.words, [ARN, 'kind-a']);
  });
});

describe('whatever the connection is like, completion is quick and quiet', () => {
  const kubeconfigOf = async (name: string, address: string, user: object): Promise<string> => {
    const path = join(folder, name);
    const cluster = { server: address, 'insecure-skip-tls-verify': true };
    await writeFile(
      path,
      JSON.stringify({
        'current-context': 'c',
        contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
        clusters: [{ name: 'c', cluster }],
        users: [{ name: 'u', user }],
      }),
    );
    return path;
  };
  const isQuiet = async (KUBECONFIG: string) => {
    const started = performance.now();
    const env = { KUBECONFIG, KUBECTL_PRELOAD_COMPLETION_TIMEOUT: '' };
    const answer = await run(['kubectl_complete-preload', 'status', ''], env);
    assert.deepEqual(answer, { code: 0, stdout: ':4\n', stderr: '' });
    return performance.now() - started;
  };

  test('with a kubeconfig that is not one, or a folder, or a file for others', async () => {
    const broken = join(folder, 'broken');
    await writeFile(broken, 'contexts: {a: [');
    for (const path of [broken, folder, '/proc/1/mem', '']) await isQuiet(path);
  });

  test('with a server that refuses connections', async () => {
    await isQuiet(await kubeconfigOf('refusing', 'https://127.0.0.1:1', { token: 't' }));
  });

  test('with a server that never answers', async (t) => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    t.after(() => silent.close());
    await new Promise((resolve) => silent.once('listening', resolve));
    const { port } = silent.address() as { port: number };
    const fast = Math.min(...(await Promise.all([1, 2, 3].map(() => isQuiet(join(folder, 'missing'))))));
    const kubeconfig = await kubeconfigOf('silent', `https://127.0.0.1:${port}`, { token: 't' });
    const slow = await isQuiet(kubeconfig);
    assert.ok(slow < fast + 1500, `${slow} ms instead of ${fast} ms without a server`);
  });

  test('with a credential plugin, which learns that nobody is there, gets no terminal and is ended', async () => {
    const plugin = join(folder, 'login');
    const log = join(folder, 'log');
    const script = `#!/bin/sh
      echo "$KUBERNETES_EXEC_INFO" > ${log}
      echo "display=$DISPLAY browser=$BROWSER" >> ${log}
      (exec 2>&-; echo 'Password: ' > /dev/tty) && echo prompted >> ${log}
      echo noise >&2
      sleep 4
      touch ${log}.late\n`;
    await writeFile(plugin, script, { mode: 0o755 });
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: plugin, interactiveMode: 'IfAvailable' };
    const KUBECONFIG = await kubeconfigOf('plugin', 'https://127.0.0.1:1', { exec });
    const env = { KUBECONFIG, DISPLAY: ':0', KUBECTL_PRELOAD_COMPLETION_TIMEOUT: '1500ms' };
    const { stdout } = await inTerminal("kubectl-preload __complete status ''", env);
    assert.equal(stdout.replaceAll('\r', ''), ':4\n');
    const lines = await text(createReadStream(log));
    assert.match(lines, /"interactive":false/);
    assert.match(lines, /^display= browser=false$/m);
    assert.doesNotMatch(lines, /prompted/);
    await new Promise((resolve) => setTimeout(resolve, 4500));
    assert.ok(!existsSync(`${log}.late`), 'the plugin still runs');
  });

  test('with a credential plugin that always asks, which does not run', async () => {
    const mark = join(folder, 'asked');
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'touch',
      args: [mark],
      interactiveMode: 'Always',
    };
    await isQuiet(await kubeconfigOf('asking', 'https://127.0.0.1:1', { exec }));
    assert.ok(!existsSync(mark));
  });

  test('with words that are no command line at all', async () => {
    for (const typed of [
      ['status', '--', '--ou'],
      ['status', '-n'],
      ['-o', ''],
      ['status', '=', '--=', ''],
      ['create', '-😀', '\u001b[', ''],
    ])
      assert.equal((await complete(typed)).directive, ':4', typed.join(' '));
  });
});

/** Runs a command line in a terminal. */
const inTerminal = (line: string, env: Record<string, string>) =>
  run(['script', '-qec', line, '/dev/null'], { TERM: 'xterm', ...env });
