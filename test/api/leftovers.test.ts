import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { KubernetesObject } from '../../src/manifests/object.ts';
import { volumeSnapshot } from '../../src/manifests/snapshot.ts';
import { DEADLINE_ANNOTATION } from '../../src/model/names.ts';
import { startFaultyApiServer, UNAVAILABLE } from '../harness/faulty-api-server.ts';
import { startBundle } from '../harness/run-bundle.ts';
import { grant, namespace, startTestServer } from './api-server.ts';
import { FUTURE, loaderObjects, PAST, pathOf, verifyObjects } from './left-by-runs.ts';
import { settings } from './records.ts';

const server = await startTestServer();
after(server.stop);

const leftovers = (...flags: string[]) => server.preload('delete', '--leftovers', ...flags);

/** What there is without the runs of a test. */
let untouched: string[];
const added = async (): Promise<string[]> => (await server.objects()).filter((path) => !untouched.includes(path));

const CLEAN = ['delete', 'pod,configmap,secret,pvc,volumesnapshot', '-A', '-l', 'app.kubernetes.io/name=preload'];

before(async () => {
  await server.apply(...namespace('images'));
  untouched = await server.objects();
});
beforeEach(() => server.kubectl([...CLEAN, '--force', '--grace-period=0']));

/** Puts the pod on a node, as a scheduler and a kubelet would. */
const setPhase = async (pod: string, phase: string) => {
  const target = { kind: 'Node', name: 'worker' };
  const bind = { apiVersion: 'v1', kind: 'Binding', metadata: { name: pod }, target };
  const path = `/api/v1/namespaces/default/pods/${pod}/binding`;
  await server.kubectl(['create', '--raw', path, '-f', '-'], JSON.stringify(bind));
  await server.setStatus(`pod/${pod}`, 'default', { phase });
};

const paths = (objects: readonly KubernetesObject[]): string[] => objects.map(pathOf).sort();

test('everything that interrupted runs left is deleted after their deadline', async () => {
  await server.apply(...loaderObjects('web', PAST), ...verifyObjects('web', PAST));
  await setPhase('preload-web-plan', 'Failed');
  const { code, stdout, stderr } = await leftovers('--wait=false');
  assert.deepEqual([code, stderr], [0, '']);
  assert.deepEqual(
    stdout.trim().split('\n').sort(),
    [
      ...['configmap/preload-web', 'configmap/preload-web-verify', 'configmap/preloaded-web'],
      ...['persistentvolumeclaim/preload-web', 'persistentvolumeclaim/preload-web-verify'],
      ...['pod/preload-web', 'pod/preload-web-plan', 'pod/preload-web-verify', 'secret/preload-web'],
    ].map((name) => `${name} deleted`),
  );
  await server.kubectl(['delete', 'pod/preload-web-plan', '--force', '--ignore-not-found']);
  assert.deepEqual(await added(), []);
});

describe('nothing is deleted', () => {
  const stays = async (reason: RegExp, ...flags: string[]) => {
    const there = await added();
    const { code, stdout, stderr } = await leftovers(...flags);
    assert.deepEqual([code, stdout], [0, ''], stderr);
    assert.match(stderr, reason);
    assert.match(stderr, /^Nothing to delete in default namespace\.$/m);
    assert.deepEqual(await added(), there);
  };

  test('of a run whose pod has not ended, even after its deadline', async () => {
    await server.apply(...loaderObjects('web', PAST));
    await setPhase('preload-web', 'Running');
    await stays(
      /^ ! keeping what the run for preload web in namespace default made: pod\/preload-web has not ended; to remove it all the same, run: kubectl delete /m,
    );
  });

  test('of a run before its deadline, even if its pod has ended', async () => {
    await server.apply(...loaderObjects('web', FUTURE));
    await setPhase('preload-web', 'Failed');
    await stays(/: its run may go on until 2099-01-01T00:00:00Z; /);
  });

  test('of a run that was continued: one later deadline is enough', async () => {
    const [secret, configMap, ...others] = loaderObjects('web', PAST);
    await server.apply(...others, ...(secret ? [secret] : []));
    const continued = loaderObjects('web', FUTURE).find((object) => configMap && pathOf(object) === pathOf(configMap));
    await server.apply(...(continued ? [continued] : []));
    await stays(/: its run may go on until 2099/);
  });

  test('of what create --keep was to keep', async () => {
    await server.apply(...loaderObjects('web', 'never'));
    await stays(/: it was created with --keep; /);
  });

  test('of a young run by a version that wrote no deadline', async () => {
    await server.apply(...loaderObjects('web', 'some day'));
    await stays(/: its run may go on until 20\d\d-/);
  });

  test('that only has the labels, or only the name', async () => {
    const [secret] = loaderObjects('web', PAST);
    const { labels } = secret?.metadata ?? {};
    const named = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'preload-web', namespace: 'default' } };
    const labelled = { ...named, metadata: { name: 'web-settings', namespace: 'default', labels } };
    await server.apply(named, labelled);
    await stays(/^/);
    await server.kubectl(['delete', 'configmap', 'preload-web', 'web-settings']);
  });

  test('in other namespaces, unless -A is given', async () => {
    await server.apply(...loaderObjects('web', PAST, 'images'));
    await stays(/^/);
    const { code, stdout } = await leftovers('-A', '--dry-run=client');
    assert.equal(code, 0);
    assert.match(stdout, /^configmap\/preload-web -n images deleted \(dry run\)$/m);
    assert.equal((await leftovers('-A')).code, 0);
    assert.deepEqual(await added(), []);
  });
});

test('a record stays while its snapshot is there', async () => {
  const objects = loaderObjects('web', PAST);
  await server.apply(volumeSnapshot(settings('web')), ...objects);
  assert.equal((await leftovers()).code, 0);
  assert.deepEqual(await added(), ['ConfigMap/default/preloaded-web', 'VolumeSnapshot/default/web']);
});

for (const kind of ['client', 'server']) {
  test(`a dry run deletes nothing: ${kind}`, async () => {
    const objects = loaderObjects('web', PAST);
    await server.apply(...objects);
    const { code, stdout, stderr } = await leftovers(`--dry-run=${kind}`);
    assert.equal(code, 0, stderr);
    assert.equal(stdout.trim().split('\n').length, objects.length);
    assert.deepEqual(await added(), paths(objects));
  });
}

test('without the right to list secrets, the others are deleted with a warning', async () => {
  await server.apply(...loaderObjects('web', PAST));
  const resources = ['volumesnapshots', 'pods', 'configmaps', 'persistentvolumeclaims'];
  await server.apply(...grant('cleaner', { apiGroups: ['*'], resources, verbs: ['get', 'list', 'delete'] }));
  untouched.push('ClusterRole//cleaner', 'ClusterRoleBinding//cleaner');
  const { code, stderr } = await leftovers('--as', 'cleaner');
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /^ ! secrets that interrupted runs left stay, because this user may not list them: secrets is forbidden/m,
  );
  assert.deepEqual(await added(), ['Secret/default/preload-web']);
});

test('a run that is continued at the last moment keeps everything', async () => {
  const objects = loaderObjects('web', PAST);
  await server.apply(...objects);
  const faulty = await startFaultyApiServer(server.kubeconfig);
  let continued: Promise<unknown> | undefined;
  faulty.behave((method, path) => {
    if (method !== 'DELETE' || !path.includes('/configmaps/preload-web')) return undefined;
    if (continued) return undefined;
    const patch = { metadata: { annotations: { [DEADLINE_ANNOTATION]: FUTURE } } };
    const argv = ['patch', 'configmap', 'preload-web', '--type=merge', '-p', JSON.stringify(patch)];
    continued = server.kubectl(argv); // as create --resume does
    return { ...UNAVAILABLE, retryAfter: 3 };
  });
  const { code, stdout, stderr } = await startBundle(['delete', '--leftovers'], { KUBECONFIG: faulty.kubeconfig })
    .outcome;
  await continued;
  await faulty.stop();
  assert.deepEqual([code, stdout], [1, ''], stderr);
  assert.match(stderr, /^error: the run for preload "web" was continued or removed in the meantime/m);
  assert.deepEqual(await added(), paths(objects));
});
