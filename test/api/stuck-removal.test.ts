import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { until } from '../cluster/machine/until.ts';
import { created, logAnswer, startStage } from './staged-run.ts';

const stage = await startStage();
const { server, faulty } = stage;
let untouched: string[];

before(async () => {
  faulty.behave(logAnswer);
  untouched = await server.objects();
});
after(stage.stop);

const FINALIZER = 'example.com/slow';

const claim = (name: string, finalizers: string[] = []) => ({
  ...{
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: `preload-${name}`, namespace: 'default', finalizers },
  },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
});

/** On a node without a kubelet, so that it ends only if it may end at once. */
const pod = (name: string, claimName: string, seconds = 0) => ({
  ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' } },
  spec: {
    ...{ nodeName: 'worker', terminationGracePeriodSeconds: seconds, containers: [{ name: 'x', image: 'x' }] },
    volumes: [{ name: 'volume', persistentVolumeClaim: { claimName } }],
  },
});

const startRemoval = (...names: string[]) => server.kubectl(['delete', '--wait=false', ...names]);

/** Runs the command in `text` as a user would. */
const runCommand = async (text: string): Promise<void> => {
  const [, command = ''] = /, run: kubectl (.*)$/m.exec(text) ?? [];
  assert.ok(command, text);
  await server.kubectl(command.replaceAll("'", '').split(' '));
};

const isGone = (object: string) => until(`the end of ${object}`, async () => !(await server.isThere(object)));

// each of them may wait for a minute
describe('an object that is still being removed', { concurrency: true }, () => {
  describe('from an earlier run, and create', { concurrency: true }, () => {
    test('waits for a claim that is being removed', async () => {
      await server.apply(claim('late', [FINALIZER]));
      await startRemoval('pvc/preload-late');
      const preload = stage.start('create', 'late');
      const waiting = / ! waiting for persistentvolumeclaim\/preload-late of an earlier run, which is being removed$/m;
      await until('the warning', async () => waiting.test(preload.said.stderr));
      await server.setFinalizers('pvc/preload-late', null);
      const { code, stderr } = await stage.finish('create', preload);
      assert.equal(code, 0, stderr);
    });

    test('waits for what belonged to its pod', async () => {
      const owner = {
        apiVersion: 'v1',
        kind: 'Pod',
        name: 'preload-owned',
        uid: '5e0e0e5c-0000-4000-8000-000000000000',
      };
      const metadata = { name: 'preload-owned', namespace: 'default', ownerReferences: [owner] };
      await server.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata });
      const preload = stage.start('create', 'owned');
      await until('the warning', async () => preload.said.stderr.includes(' ! waiting for configmap/preload-owned '));
      await startRemoval('configmap/preload-owned'); // as the garbage collector does
      const { code, stderr } = await stage.finish('create', preload);
      assert.equal(code, 0, stderr);
    });

    const refused: Record<string, [reason: RegExp, setUp: () => Promise<unknown>]> = {
      'a claim with a finalizer': [
        /^error: persistentvolumeclaim\/preload-held is still being removed: it has finalizers: example\.com\/slow\nhint: if nothing else removes them, run: /m,
        async () => {
          await server.apply(claim('held', [FINALIZER]));
          await startRemoval('pvc/preload-held');
        },
      ],
      'a claim that a pod uses': [
        /^error: persistentvolumeclaim\/preload-used is still being removed: it is used by pod\/debug\nhint: to end that, run: /m,
        async () => {
          await server.apply(claim('used'), pod('debug', 'preload-used'));
          await startRemoval('pvc/preload-used');
        },
      ],
      'a pod on a node that is lost': [
        /^error: pod\/preload-lost is still being removed: its node has not ended it\nhint: if that node is lost, run: /m,
        async () => {
          await server.apply(pod('preload-lost', 'preload-lost', 30));
          await startRemoval('pod/preload-lost');
        },
      ],
    };
    for (const [what, [reason, setUp]] of Object.entries(refused)) {
      test(`ends with the reason and a command if this stays: ${what}`, async () => {
        await setUp();
        const [, kind = '', name = ''] = /(\w+)\\\/preload-(\w+) is still/.exec(reason.source) ?? [];
        const { code, stdout, stderr } = await stage.start('create', name).outcome;
        assert.deepEqual([code, stdout], [1, ''], stderr);
        assert.match(stderr, reason);
        await runCommand(stderr);
        await isGone(`${kind}/preload-${name}`);
      });
    }
  });

  describe('does not fail what is done:', { concurrency: true }, () => {
    const hindrances: Record<string, [name: string, reason: RegExp, hinder: () => Promise<unknown>]> = {
      'a finalizer': [
        'kept',
        /it has finalizers: .*example\.com\/slow.*; if nothing else removes them, run: /,
        () => server.setFinalizers('pvc/preload-kept', [FINALIZER]),
      ],
      'a pod': [
        'shared',
        /it is used by pod\/reader; to end that, run: /,
        () => server.apply(pod('reader', 'preload-shared')),
      ],
    };
    for (const [what, [name, reason, hinder]] of Object.entries(hindrances)) {
      test(`create, with ${what}`, async () => {
        const preload = stage.start('create', name);
        await stage.there(preload, `Pod/default/preload-${name}`);
        await hinder();
        const { code, stdout, stderr } = await stage.finish('create', preload);
        assert.equal(code, 0, stderr);
        assert.match(stdout, new RegExp(`\n${name} +True +Ready `));
        const warning = stderr
          .split('\n')
          .find((line) => line.startsWith(` ! persistentvolumeclaim/preload-${name} is still`));
        assert.match(warning ?? stderr, reason);
        await runCommand(warning ?? '');
        await isGone(`PersistentVolumeClaim/preload-${name}`);
      });
    }

    test('verify, with a finalizer', async () => {
      const preload = stage.start('verify', 'old');
      await stage.there(preload, 'Pod/default/preload-old-verify');
      await server.setFinalizers('pvc/preload-old-verify', [FINALIZER]);
      const { code, stderr } = await stage.finish('verify', preload);
      assert.equal(code, 0, stderr);
      assert.match(
        stderr,
        /^ ! persistentvolumeclaim\/preload-old-verify is still being removed: it has finalizers: /m,
      );
      await runCommand(stderr);
      await isGone('PersistentVolumeClaim/preload-old-verify');
    });
  });
});

test('nothing but the preloads is left', async () => {
  const preloads = ['late', 'owned', 'kept', 'shared'].flatMap((name) => created('create', name));
  assert.deepEqual(await server.objects(), [...untouched, ...preloads].sort());
});
