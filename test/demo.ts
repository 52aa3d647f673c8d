// The main job from end to end, as a user would do it, on the embedded cluster.
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatTable } from '../src/cli/output.ts';
import { formatBytes } from '../src/model/units.ts';

process.chdir(resolve(import.meta.dirname, '..'));
process.env.KUBECTL_PRELOAD_CLUSTER_STATE ??= '/var/tmp/kubectl-preload-demo';

const CLUSTER = ['node', 'test/cluster/main.ts'];
const APPS = ['shop/web:1.4', 'data/report:7', 'cache/sessions:3']; // node, python and redis

interface Result {
  seconds: number;
  stdout: string;
}

/** Runs a command whose messages the user sees; throws if it fails. */
const run = (argv: readonly string[], input?: string): Result => {
  const started = performance.now();
  const [command = '', ...args] = argv;
  const { status, stdout } = spawnSync(command, args, {
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'inherit'],
    ...(input !== undefined && { input }),
  });
  if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${status}`);
  return { seconds: (performance.now() - started) / 1000, stdout };
};

/** The same, as if typed at a prompt. */
const type = (line: string): Result => {
  console.log(`\n$ ${line}`);
  const result = run(line.split(' '));
  process.stdout.write(result.stdout);
  return result;
};

const chapter = (title: string): void => console.log(`\n── ${title} ${'─'.repeat(76 - title.length)}`);

const workloads = (images: readonly string[]): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'List',
    items: images.map((image, index) => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: `app-${index}` },
      spec: {
        selector: { matchLabels: { app: `app-${index}` } },
        template: { metadata: { labels: { app: `app-${index}` } }, spec: podSpec([image]) },
      },
    })),
  });

const podSpec = (images: readonly string[]) => ({
  terminationGracePeriodSeconds: 1,
  containers: images.map((image, index) => ({ name: `c${index}`, image, imagePullPolicy: 'IfNotPresent' })),
});

/** Seconds from the creation of a pod with `images` on `node` until all its containers run. */
const startPods = async (node: string, images: readonly string[]): Promise<number> => {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `apps-on-${node}` },
    spec: { nodeName: node, ...podSpec(images) },
  };
  const started = performance.now();
  run(['kubectl', 'create', '-f', '-'], JSON.stringify(pod));
  run(['kubectl', 'wait', '--for=condition=Ready', '--timeout=120s', `pod/apps-on-${node}`]);
  const seconds = (performance.now() - started) / 1000;
  await sleep(200); // the kubelet sends its events a moment later
  const events = run([
    'kubectl',
    'get',
    'events',
    '--field-selector',
    `involvedObject.name=apps-on-${node},reason=Pulled`,
    '-o',
    'jsonpath={range .items[*]}{.message}{"\\n"}{end}',
  ]);
  process.stdout.write(events.stdout);
  return seconds;
};

const clusterEnvironment = (): Record<string, string> => {
  const { stdout } = run(['sh', '-c', `eval "$(${CLUSTER.join(' ')} env)" && exec env -0`]);
  return Object.fromEntries(
    stdout
      .split('\0')
      .filter(Boolean)
      .map((line) => line.split(/=(.*)/s)),
  );
};

const demo = async (): Promise<void> => {
  const begun = performance.now();
  chapter('A cluster with one node');
  run(['npm', 'run', '-s', 'build']);
  run([...CLUSTER, 'up']);
  Object.assign(process.env, clusterEnvironment());
  const references = run([...CLUSTER, 'images'])
    .stdout.trim()
    .split('\n');
  const images = references.filter((name) => !/\/(pause|node|debian|busybox|by-digest)[:@]/.test(name));
  const apps = APPS.map((app) => `${process.env.REGISTRY}/sample/${app}`);
  console.log(`ready after ${((performance.now() - begun) / 1000) | 0}s`);
  run(['kubectl', 'create', '-f', '-'], workloads(images));
  run(['kubectl', 'wait', '--for=condition=Available', '--timeout=180s', 'deployment', '--all']);
  type('kubectl get nodes');

  chapter('Capture all images in use');
  const capture = type('kubectl preload create demo');
  const preload = JSON.parse(run(['kubectl', 'preload', 'status', 'demo', '-o', 'json']).stdout) as {
    snapshotId: string;
    size: number;
    images: unknown[];
  };

  chapter('Before: a new node pulls its images');
  run([...CLUSTER, 'node', 'add', 'plain']);
  const before = await startPods('plain', apps);

  chapter('After: a new node with a disk from the snapshot, and no registry');
  const added = run([...CLUSTER, 'node', 'add', 'preloaded', '--snapshot', preload.snapshotId, '--early']);
  const restore = JSON.parse(added.stdout) as { seconds: number };
  run([...CLUSTER, 'registry', 'stop']);
  const after = await startPods('preloaded', apps);
  type('kubectl get pods -o wide --field-selector spec.nodeName=preloaded');

  chapter('Summary');
  const inSeconds = (seconds: number) => `${seconds.toFixed(1)}s`;
  const rows = [
    ['images present when its kubelet starts', '0', `${preload.images.length} (${formatBytes(preload.size)})`],
    ['time that took at boot', '-', inSeconds(restore.seconds)],
    [`time until ${apps.length} new containers run`, inSeconds(before), inSeconds(after)],
    ['works without a registry', 'no', 'yes'],
  ];
  console.log(formatTable(['', 'PLAIN NODE', 'PRELOADED NODE'], rows));
  console.log(`\nOne capture took ${inSeconds(capture.seconds)} and serves any number of nodes.`);
  console.log('The registry is on this machine; from a real one, pulling takes longer.');
  console.log(
    `The demo took ${inSeconds((performance.now() - begun) / 1000)}. A cluster to try it yourself: npm run -s cluster -- up`,
  );
};

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
process.once('exit', () => spawnSync('node', ['test/cluster/main.ts', 'down'], { stdio: 'inherit' }));
await demo();
