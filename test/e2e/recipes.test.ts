import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { loadAll } from 'js-yaml';
import { run } from '../cluster/machine/run.ts';
import { sample } from '../harness/sample.ts';
import {
  addNode,
  becomes,
  cluster,
  createNamespace,
  createPreload,
  deleteNamespaces,
  kubectl,
  onNode,
  preload,
  removeNode,
  status,
} from './support/commands.ts';
import { reconfigureKubelet } from './support/node-life.ts';
import { list, pod, podSpec } from './support/workloads.ts';

const NAMESPACE = 'recipes';
const NODE = 'plain';
const TAINT = { key: 'preload/not-ready', effect: 'NoSchedule' };
const IMAGES = ['site/docs:2026', 'ops/backup:1.0', 'shop/stock:2.1'];

interface PodSpec {
  hostNetwork?: boolean;
  containers: { env?: object[] }[];
}

interface Printed {
  kind: string;
  spec: { template: { spec: PodSpec }; jobTemplate: { spec: { template: { spec: PodSpec } } } };
}

/** Applies what the recipe prints, with the address of the API server: no kube-proxy here gives it its service address. */
const applyRecipe = async (...argv: string[]): Promise<string> => {
  const printed = await preload(['recipe', ...argv, '-n', NAMESPACE]);
  assert.equal(printed.code, 0, printed.stderr);
  const server = new URL(await kubectl(['config', 'view', '--minify', '-o', 'jsonpath={.clusters[0].cluster.server}']));
  const env = [
    { name: 'KUBERNETES_SERVICE_HOST', value: server.hostname },
    { name: 'KUBERNETES_SERVICE_PORT', value: server.port },
  ];
  const objects = loadAll(printed.stdout) as Printed[];
  for (const { kind, spec } of objects) {
    if (kind !== 'DaemonSet' && kind !== 'CronJob') continue;
    const podSpec = (kind === 'DaemonSet' ? spec : spec.jobTemplate.spec).template.spec;
    podSpec.hostNetwork = true;
    podSpec.containers = podSpec.containers.map((each) => ({ ...each, env: [...(each.env ?? []), ...env] }));
  }
  await kubectl(['apply', '--server-side', '-f', '-'], list(objects));
  return printed.stdout;
};

/** Runs the command that the text's comments give for removing its objects. */
const removeRecipe = async (text: string): Promise<void> => {
  for (const [, command = ''] of text.matchAll(/^# {3}(kubectl delete .*)$/gm)) await run(command.split(' '));
};

const nodeField = (path: string): Promise<string> => kubectl(['get', 'node', NODE, '-o', `jsonpath={${path}}`]);

/** The images that the node has, of those in the preload. */
const present = async (): Promise<string[]> => {
  const names = (await onNode(NODE, ['ctr', '--namespace', 'k8s.io', 'images', 'ls', '--quiet'])).split('\n');
  return IMAGES.map(sample).filter((name) => names.includes(name));
};

before(() => createNamespace(NAMESPACE));

after(async () => {
  await cluster('registry', 'start');
  await removeNode(NODE);
  await deleteNamespaces(NAMESPACE);
});

describe('recipe daemonset', () => {
  let text = '';
  let label = '';

  before(async () => {
    await createPreload(NAMESPACE, 'small', ['--node', 'worker', ...IMAGES.map(sample)]);
    await addNode(NODE, '2');
    await kubectl(['delete', 'node', NODE]); // it joins again, with the taint
    await reconfigureKubelet(NODE, { registerWithTaints: [TAINT] });
  });

  after(async () => {
    await kubectl(['label', 'node', 'worker', `${label}-`]);
    await removeRecipe(text);
    const kinds = 'daemonset,configmap,serviceaccount,clusterrole,clusterrolebinding';
    const left = await kubectl(['get', kinds, '-n', NAMESPACE, '-l', 'app.kubernetes.io/component=fill', '-o', 'name']);
    assert.equal(left, '', 'the command in the text removes everything');
  });

  test('fills a plain node that joins with the startup taint, and then ends pod and disk', async () => {
    assert.match(await nodeField('.spec.taints[*].key'), /preload\/not-ready/);
    assert.deepEqual(await present(), []);
    const printed = await preload(['recipe', 'daemonset', 'small', '-n', NAMESPACE]);
    label = /preload\/[0-9a-f]{12}/.exec(printed.stdout)?.[0] ?? '';
    await kubectl(['label', 'node', 'worker', `${label}=done`]);
    text = await applyRecipe('daemonset', 'small');

    await becomes('done', () => nodeField(`.metadata.labels['${label}']`));
    assert.doesNotMatch(await nodeField('.spec.taints[*].key'), /preload/);
    assert.deepEqual(await present(), IMAGES.map(sample));
    await becomes('', () => kubectl(['get', 'pod,pvc', '-n', NAMESPACE, '-o', 'name']));
    const snapshots = '/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots';
    const isLinked = 'case $(readlink $folder) in /var/lib/kubectl-preload/*) echo $folder ;; esac';
    const links = `cd ${snapshots} && for folder in */fs; do ${isLinked}; done`; // find fails if a folder goes meanwhile
    assert.equal(await onNode(NODE, ['sh', '-c', links]), '', 'nothing needs the disk any more');
  });

  test('so that pods start without a registry and read what is in the top layers', async () => {
    await cluster('registry', 'stop');
    const name = 'offline';
    const spec = podSpec(IMAGES.map(sample), { nodeName: NODE }, 'Never');
    await kubectl(['apply', '-f', '-'], pod(NAMESPACE, name, spec));
    await kubectl(['wait', '-n', NAMESPACE, '--for=condition=Ready', '--timeout=120s', `pod/${name}`]);
    for (const [index, image] of IMAGES.entries()) {
      const folder = `/srv/${image.split(':')[0]}`; // of the top layer
      const read = ['sh', '-c', `find ${folder} -type f | xargs cat | wc -c`];
      const bytes = await kubectl(['exec', '-n', NAMESPACE, name, '-c', `container-${index}`, '--', ...read]);
      assert.ok(Number(bytes) > 1_000_000, `${image}: ${bytes} bytes`);
    }
    await kubectl(['delete', 'pod', '-n', NAMESPACE, name]);
    await cluster('registry', 'start');
  });
});

describe('recipe cronjob', () => {
  let text = '';

  before(async () => {
    text = await applyRecipe('cronjob', 'night', '--keep-last', '2', '--schedule', '0 0 31 2 *');
  });

  after(() => removeRecipe(text));

  /** Runs the job as the schedule would; returns what it reported. */
  const renew = async (job: string): Promise<string> => {
    await kubectl(['create', 'job', '-n', NAMESPACE, job, '--from=cronjob/preload-night-renew']);
    await kubectl(['wait', '-n', NAMESPACE, '--for=condition=Complete', '--timeout=240s', `job/${job}`]);
    return kubectl(['logs', '-n', NAMESPACE, `job/${job}`]);
  };

  const renewed = async (): Promise<string[]> =>
    (await kubectl(['get', 'volumesnapshot', '-n', NAMESPACE, '-o', 'name']))
      .split('\n')
      .flatMap((name) => /\/(night-.*)/.exec(name)?.[1] ?? [])
      .sort();

  test('captures only what has changed, and keeps the last ones', async () => {
    const user = pod(NAMESPACE, 'user', podSpec(['ops/agent:1.0', 'ops/probe:1.0'].map(sample)));
    await kubectl(['apply', '-f', '-'], user);
    await kubectl(['wait', '-n', NAMESPACE, '--for=condition=Ready', '--timeout=120s', 'pod/user']);
    await renew('first');
    const [first = ''] = await renewed();

    const log = await renew('second');
    assert.match(log, new RegExp(`Base ${first}$`, 'm'));
    assert.match(log, /images captured in .*: \d+ layers kept\b/);
    assert.doesNotMatch(log, /\d layers? (copied|pulled)/, 'nothing is transferred again');
    const [, second = ''] = await renewed();

    await renew('third');
    const last = await renewed();
    assert.equal(last.length, 2);
    assert.equal(last[0], second);
    assert.equal((await status(NAMESPACE, last[1] ?? '')).phase, 'Ready');
    await kubectl(['delete', 'pod', '-n', NAMESPACE, 'user', '--grace-period=1']);
  });
});
