import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { objectName } from '../../src/manifests/object.ts';
import { RUN_ANNOTATION } from '../../src/model/names.ts';
import { until } from '../cluster/machine/until.ts';
import { type Break, type Fault, UNAVAILABLE } from '../harness/faulty-api-server.ts';
import { created, logAnswer, startStage } from './staged-run.ts';

// What a command creates although it cannot know whether the server has created it.

const stage = await startStage();
const { server, faulty } = stage;
after(stage.stop);

const isPost = (method: string, path: string): boolean => method === 'POST' && !path.includes('dryRun');

/** Breaks the first creation of each kind of object. */
const everyFirst = (how: Break): Fault => {
  const seen = new Set<string>();
  return (method, path) => {
    if (!isPost(method, path) || seen.has(path)) return logAnswer(method, path);
    seen.add(path);
    return how;
  };
};

const read = async (kind: string, name: string) =>
  JSON.parse(await server.kubectl(['get', kind, name, '-o', 'json'])) as { metadata: Metadata };

interface Metadata {
  uid: string;
  annotations: Record<string, string>;
}

describe('if the connection breaks during the creation of each object', () => {
  for (const [how, what] of [
    ['reset', 'before the server gets it, it is sent again'],
    ['lost', 'before the answer is back, what was created is used'],
    ['cut', 'in the middle of the answer, what was created is used'],
  ] as const) {
    test(what, async () => {
      const untouched = await server.objects();
      faulty.behave(everyFirst(how));
      const run = stage.start('create', how);
      await stage.there(run, `Pod/default/preload-${how}`);
      const pod = await read('pod', `preload-${how}`);
      const claim = await read('pvc', `preload-${how}`);
      const { code, stderr } = await stage.finish('create', run);
      assert.equal(code, 0, stderr);
      assert.doesNotMatch(stderr, /could not|already exists/);
      // config map, claim, pod, snapshot
      assert.equal(faulty.spoilt.filter((request) => request.startsWith('POST')).length, 4);
      assert.deepEqual(await server.objects(), [...untouched, ...created('create', how)].sort());
      const runs = [pod, claim, await read('volumesnapshot', how), await read('configmap', `preloaded-${how}`)].map(
        ({ metadata }) => metadata.annotations[RUN_ANNOTATION],
      );
      assert.equal(new Set(runs).size, 1);
      assert.match(runs[0] ?? '', /^[0-9a-f-]{36}$/);
    });
  }
});

test('an object of somebody else that comes in between is neither used nor removed', async () => {
  const foreign = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'preload-taken', namespace: 'default' },
  };
  const untouched = await server.objects();
  let isBroken = false;
  faulty.behave((method, path) => {
    if (!isPost(method, path) || !path.includes('/persistentvolumeclaims')) return logAnswer(method, path);
    if (isBroken) return undefined;
    isBroken = true;
    return 'silent';
  });
  const run = stage.start('create', 'taken');
  await until('the fault', () => isBroken);
  const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
  await server.apply({ ...foreign, spec });
  const { code, stdout, stderr } = await run.outcome;
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(
    stderr,
    new RegExp(`^error: ${objectName(foreign)} already exists: preload "taken" is still being`, 'm'),
  );
  assert.deepEqual(await server.objects(), [...untouched, 'PersistentVolumeClaim/default/preload-taken'].sort());
  await server.kubectl(['delete', 'pvc', 'preload-taken']);
});

test('Ctrl-C while nobody knows whether the loader was created removes it', async () => {
  const untouched = await server.objects();
  let isCreated = false;
  let isAway = true;
  faulty.behave((method, path) => {
    if (isCreated && isAway) return UNAVAILABLE;
    isCreated ||= isPost(method, path) && path.includes('/pods');
    return isCreated && isAway ? 'lost' : undefined;
  });
  const run = stage.start('create', 'stopped');
  await stage.there(run, 'Pod/default/preload-stopped');
  run.child.kill('SIGINT');
  await until('the clean-up', () => run.said.stderr.includes('Interrupted, cleaning up'));
  isAway = false;
  const { code, stdout, stderr } = await run.outcome;
  assert.deepEqual([code, stdout], [130, '']);
  assert.match(
    stderr,
    /✓ Removed pod\/preload-stopped, persistentvolumeclaim\/preload-stopped, configmap\/preload-stopped$/m,
  );
  assert.deepEqual(await server.objects(), untouched);
});

test('Ctrl-C while nobody knows whether the snapshot was submitted keeps it, and says so', async () => {
  const untouched = await server.objects();
  let isSubmitted = false;
  let isAway = true;
  faulty.behave((method, path) => {
    if (isSubmitted && isAway) return UNAVAILABLE;
    isSubmitted ||= isPost(method, path) && path.includes('/volumesnapshots');
    return isSubmitted && isAway ? 'lost' : undefined;
  });
  const run = stage.start('snapshot', 'kept');
  await stage.there(run, 'VolumeSnapshot/default/kept');
  isAway = false;
  run.child.kill('SIGINT');
  const { code, stdout, stderr } = await run.outcome;
  assert.deepEqual([code, stdout], [130, '']);
  assert.match(
    stderr,
    /^The snapshot continues in the background\. Check it with: kubectl preload status kept -n default$/m,
  );
  assert.deepEqual(await server.objects(), [...untouched, 'VolumeSnapshot/default/kept'].sort());
});
