import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { volumeSnapshot } from '../../src/manifests/snapshot.ts';
import { RIGHTS, type Right, rulesFor } from '../../src/model/rights.ts';
import { until } from '../cluster/machine/until.ts';
import type { Fault } from '../harness/faulty-api-server.ts';
import { type Outcome, startBundle } from '../harness/run-bundle.ts';
import { namespace } from './api-server.ts';
import { csi, volume } from './claims.ts';
import { loaderObjects, PAST } from './left-by-runs.ts';
import { recordOf, settings } from './records.ts';
import { logAnswer, startStage } from './staged-run.ts';

// Runs every verb with exactly the rights that the table has for it, and then without each of them.

const stage = await startStage();
const { server, faulty } = stage;
after(stage.stop);

const AT_ONCE = 5; // most of the time, a run waits

const DIFFERENT = 1; // exit code of diff

const RBAC = 'rbac.authorization.k8s.io/v1';

/** Lets a user have exactly these rights. */
const allow = async (user: string, rights: readonly Right[]): Promise<void> => {
  const subjects = [{ kind: 'User', name: user }];
  const objects = [
    ['Role', 'namespace', { name: user, namespace: 'default' }],
    ['ClusterRole', 'cluster', { name: user }],
  ] as const;
  await server.apply(
    ...objects.flatMap(([kind, scope, metadata]) => [
      { apiVersion: RBAC, kind, metadata, rules: rulesFor(rights, scope) },
      {
        ...{ apiVersion: RBAC, kind: `${kind}Binding`, metadata, subjects },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: user },
      },
    ]),
  );
};

const kubectl = (...argv: string[]) => server.kubectl(argv);

/** Resolves once the object is there. Throws if the run has ended. */
const appears = (kind: string, name: string, { child }: Run): Promise<void> =>
  until(`${kind}/${name}`, async () => {
    if (child.exitCode !== null) throw new Error('ended early');
    return server.isThere(`${kind}/${name}`);
  });

type Run = ReturnType<typeof startBundle>;

/** What a controller, a kubelet, a driver and a storage do for a run of create or verify. */
const serve = async (name: string, process: Run, { late = false }): Promise<void> => {
  await appears('pvc', `preload-${name}`, process);
  await server.apply(volume(`pv-${name}`, { ...csi('disk.example.com'), persistentVolumeReclaimPolicy: 'Retain' }));
  await server.patch(`pvc/preload-${name}`, 'default', { spec: { volumeName: `pv-${name}` } });
  await appears('pod', `preload-${name}`, process);
  if (late) await new Promise((resolve) => setTimeout(resolve, 8000));
  await server.setStatus(`pod/preload-${name}`, 'default', { phase: 'Running' });
  if (!name.endsWith('-verify')) {
    await appears('volumesnapshot', name, process);
    await server.finishSnapshot(name);
  }
  await until(
    'the end of the claim',
    async () => process.child.exitCode !== null || !(await server.isThere(`pvc/preload-${name}`)),
  );
  await kubectl('delete', 'pv', `pv-${name}`, '--wait=false');
  await server.setFinalizers(`pv/pv-${name}`, null);
};

interface Case {
  /** the command line for a preload */
  argv: (name: string) => string[];
  /** makes what it needs */
  arrange?: (name: string) => Promise<unknown>;
  /** what the user has all the time, except for the right that is left out */
  also?: readonly Right[];
  /** the exit code if it does what it should; 0 by default */
  code?: number;
  /** for runs that would see each other's objects */
  atOnce?: number;
  /** plays the cluster meanwhile */
  meanwhile?: (name: string, process: Run, without: Right | undefined) => Promise<unknown>;
}

const isOf = (resource: string, right: Right | undefined) => right?.resource === resource;
const serving = (name: string, process: Run, without: Right | undefined) =>
  serve(name, process, { late: isOf('events', without) });

const makeReady = async (name: string) => {
  await server.apply(volumeSnapshot(settings(name)));
  await server.apply(await recordOf(server, name));
  await server.finishSnapshot(name);
};

const create = (name: string, ...more: string[]) => ['create', name, ...more, '--size', '1Gi', '--timeout', '90s'];

const CASES: Readonly<Record<string, Case>> = {
  'create NAME IMAGE...': { argv: (name) => create(name, 'nginx:1'), meanwhile: serving },
  'create NAME': { argv: (name) => create(name), meanwhile: serving },
  'create with pull secrets': { argv: (name) => create(name), meanwhile: serving },
  'create --resume': {
    argv: (name) => ['create', name, '--resume', '--timeout', '90s'],
    arrange: async (name) => {
      const { child, outcome } = startBundle(create(name, 'nginx:1'), { KUBECONFIG: server.kubeconfig });
      await until('the pod', () => server.isThere(`pod/preload-${name}`));
      child.kill('SIGKILL');
      await outcome;
    },
    meanwhile: serving,
  },
  'create --base PREFIX-': {
    arrange: (name) => makeReady(`${name}-1`),
    argv: (name) => create(name, 'nginx:1', '--base', `${name}-`),
    meanwhile: serving,
  },
  'create --keep-last': {
    arrange: (name) => makeReady(`${name}-1`),
    argv: (name) => [
      ...['create', '--generate-name', `${name}-`, 'nginx:1', '--keep-last', '1'],
      ...['--size', '1Gi', '--timeout', '90s'],
    ],
    meanwhile: async (name, process, without) => {
      const named = new RegExp(`^PersistentVolumeClaim/default/preload-(${name}-\\d+-\\d+)$`, 'm');
      const claim = async () => named.exec((await server.objects('PersistentVolumeClaim')).join('\n'))?.[1];
      await until('the claim', async () => process.child.exitCode !== null || (await claim()) !== undefined);
      await serving((await claim()) ?? '', process, without);
    },
  },
  'create --retain': { argv: (name) => create(name, 'nginx:1', '--retain'), meanwhile: serving },
  status: { argv: () => ['status', 'old'] },
  'diff NAME OTHER': { argv: () => ['diff', 'old', 'old'] },
  'diff NAME': { argv: () => ['diff', 'old'], code: DIFFERENT },
  images: { argv: () => ['images'] },
  delete: { arrange: makeReady, argv: (name) => ['delete', name] },
  'delete --keep-snapshot': {
    arrange: async (name) => {
      await makeReady(name);
      await server.patch(`volumesnapshotcontent/content-default-${name}`, '', { spec: { deletionPolicy: 'Delete' } });
    },
    argv: (name) => ['delete', name, '--keep-snapshot'],
  },
  'delete --leftovers': {
    arrange: async (name) => {
      await server.apply(volume(`pv-${name}`, { ...csi('disk.example.com'), persistentVolumeReclaimPolicy: 'Retain' }));
      await server.apply(...loaderObjects(name, PAST));
      await server.patch(`pvc/preload-${name}`, 'default', { spec: { volumeName: `pv-${name}` } });
    },
    argv: () => ['delete', '--leftovers', '--timeout', '20s'],
    atOnce: 1,
  },
  verify: {
    arrange: makeReady,
    argv: (name) => ['verify', name, '--timeout', '90s'],
    meanwhile: (name, process, without) => serving(`${name}-verify`, process, without),
  },
  recipe: { argv: () => ['recipe', 'cloud-init', 'old'] },
  'recipe daemonset': { argv: () => ['recipe', 'daemonset', 'old'] },
  doctor: {
    argv: () => ['doctor'],
    also: (RIGHTS['create with pull secrets'] ?? []).filter(({ isReplaceable }) => !isReplaceable),
  },
  snapshot: {
    argv: (name) => ['snapshot', '--name', name, '--pvc', 'on-disk', '--timeout', '60s'],
    meanwhile: async (name, process) => {
      await appears('volumesnapshot', name, process);
      await server.finishSnapshot(name);
    },
  },
};

/** `export` finds images as `create NAME` does, in a pod; what completion may not ask for is missing without a word. */
const ELSEWHERE = ['export', 'completion'];

/** The log of these users' pods can only be read with the right to do so. */
const withoutLog = new Set<string>();
const fault: Fault = (method, path) =>
  withoutLog.values().some((pod) => path.includes(pod)) ? undefined : logAnswer(method, path);

let count = 0;

const run = async (verb: string, rights: readonly Right[], without?: Right): Promise<Outcome> => {
  const { argv, arrange, meanwhile } = CASES[verb] ?? assert.fail();
  count += 1;
  const name = `p${count}`;
  await allow(name, rights);
  await arrange?.(name);
  if (isOf('pods/log', without)) withoutLog.add(`/preload-${name}`);
  const process = startBundle([...argv(name), '--as', name], { KUBECONFIG: faulty.kubeconfig });
  const played = meanwhile?.(name, process, without).catch(() => undefined);
  const result = await process.outcome;
  // what is left must not be in the way of the next run
  const selector = `app.kubernetes.io/instance=${name}`;
  await kubectl('delete', 'pod,pvc,configmap,secret,volumesnapshot', '-l', selector, '--force', '--grace-period=0');
  await played;
  return result;
};

/** The rights without one verb of one of them. */
const leaveOut = (rights: readonly Right[], left: Right, verb: string): Right[] =>
  rights.flatMap((each) => {
    if (each.resource !== left.resource || each.scope !== left.scope) return [each];
    const verbs = each.verbs.filter((one) => one !== verb);
    return verbs.length > 0 ? [{ ...each, verbs }] : [];
  });

const needs = (rights: readonly Right[], { resource, scope }: Right, verb: string): boolean =>
  rights.some(
    (each) => each.resource === resource && each.scope === scope && !each.without && each.verbs.includes(verb),
  );

const keyOf = (right: Right): string => JSON.stringify(right);

before(async () => {
  faulty.behave(fault);
  const config = { auths: { 'registry.example.com': { auth: Buffer.from('user:password').toString('base64') } } };
  const type = 'kubernetes.io/dockerconfigjson';
  const data = { '.dockerconfigjson': Buffer.from(JSON.stringify(config)).toString('base64') };
  const workload = (kind: string, pod: object) => ({
    ...{ apiVersion: 'apps/v1', kind, metadata: { name: 'shop', namespace: 'shop' } },
    spec: {
      ...{ replicas: 0, selector: { matchLabels: { app: 'shop' } } },
      template: { metadata: { labels: { app: 'shop' } }, spec: { containers: [container], ...pod } },
    },
  });
  const container = { name: 'shop', image: 'registry.example.com/shop:1' };
  await server.apply(
    ...namespace('shop'), // rights in the namespace of the preload are not enough there
    { ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'login', namespace: 'shop' }, data }, type },
    workload('Deployment', { imagePullSecrets: [{ name: 'login' }] }),
    workload('StatefulSet', { imagePullSecrets: [{ name: 'login' }] }),
  );
});

/** What one use of a verb has proved, the others need not prove again. */
const proven = new Set<string>();

for (const [verb, own] of Object.entries(RIGHTS)) {
  if (ELSEWHERE.includes(verb)) continue;
  const { also = [], code: good = 0, atOnce = AT_ONCE } = CASES[verb] ?? assert.fail(`${verb} has no case`);
  describe(verb, { concurrency: atOnce }, () => {
    test('works with exactly its rights', async () => {
      const { code, stderr } = await run(verb, [...also, ...own]);
      assert.equal(code, good, stderr);
      if (verb !== 'create NAME') assert.doesNotMatch(stderr, /forbidden|not allowed/); // whose pull secrets are not read
    });

    const ownNeeded = own.filter(({ isReplaceable }) => !isReplaceable);
    const needed = [...also, ...ownNeeded];
    test('works without those that it can do without', async () => {
      const { code, stderr } = await run(verb, needed);
      assert.equal(code, good, stderr);
    });

    const family = verb.split(' ')[0];
    const bad = family === 'diff' ? 2 : 1;
    for (const right of ownNeeded) {
      if (proven.has(`${family} ${keyOf(right)}`)) continue;
      proven.add(`${family} ${keyOf(right)}`);
      for (const one of right.verbs) {
        const effect = right.without ?? 'it fails';
        test(`says so if it may not ${one} ${right.resource} (${right.scope}): ${effect}`, async () => {
          const { code, stdout, stderr } = await run(verb, leaveOut(needed, right, one), right);
          const name = `${right.resource}${right.group && `.${right.group}`}`;
          const refusal = new RegExp(`cannot ${one} resource "${right.resource}"|not allowed to ${one} ${name}`);
          if (verb === 'doctor') assert.match(stdout, new RegExp(`^\\? .*not allowed to ${one} ${name}$`, 'm'));
          else assert.match(stderr, refusal);
          assert.equal(code, needs(needed, right, one) ? bad : good, stdout + stderr);
        });
      }
    }
  });
}
