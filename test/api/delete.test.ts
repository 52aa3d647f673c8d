import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { volumeSnapshot } from '../../src/manifests/snapshot.ts';
import { until } from '../cluster/machine/until.ts';
import { BUNDLE, startBundle } from '../harness/run-bundle.ts';
import { grant, namespace, startTestServer } from './api-server.ts';
import { FUTURE, loaderObjects, PAST, pathOf } from './left-by-runs.ts';
import { record, recordOf, settings, zipped } from './records.ts';

const server = await startTestServer();
after(server.stop);

const KIND = 'volumesnapshot.snapshot.storage.k8s.io';

interface Given {
  policy?: 'Delete' | 'Retain';
  platform?: string;
  labels?: Record<string, string>;
}

/** Preloads as `create` leaves them, each a second older than the next. */
const ready = async (names: string[], { policy = 'Delete', platform = 'linux/amd64', labels }: Given = {}) => {
  for (const name of names) {
    const snapshot = volumeSnapshot(settings(name));
    const { metadata } = snapshot;
    await server.apply({ ...snapshot, metadata: { ...metadata, labels: { ...metadata.labels, ...labels } } });
    await server.apply(await recordOf(server, name, 'default', zipped({ ...record, platform })));
    await server.finishSnapshot(name, 'default', policy);
    if (names.length > 1) await new Promise((resolve) => setTimeout(resolve, 1000));
  }
};

const remove = (...argv: string[]) => server.preload('delete', ...argv);

const snapshots = async (): Promise<string[]> =>
  (await server.objects('VolumeSnapshot')).map((path) => path.split('/')[2] ?? '');

describe('delete NAME', () => {
  test('deletes the snapshot, and says that the storage deletes its own', async () => {
    await ready(['one']);
    const { code, stdout, stderr } = await remove('one');
    assert.deepEqual([code, stdout], [0, `${KIND}/one deleted\n`], stderr);
    assert.match(stderr, /^ ✓ The storage has deleted snap-one$/m);
    assert.deepEqual(await snapshots(), []);
  });

  test('says what the storage keeps, that it costs money, and how to delete it', async () => {
    await ready(['kept'], { policy: 'Retain' });
    const { code, stderr } = await remove('kept');
    assert.equal(code, 0, stderr);
    const [, command = ''] =
      /^ ! the storage keeps snap-kept, which costs money; to delete it, too, run: kubectl (.*)$/m.exec(stderr) ?? [];
    for (const part of command.replaceAll("'", '').split(' && kubectl ')) await server.kubectl(part.split(' '));
    await until(
      'the end of the content',
      async () => !(await server.isThere('VolumeSnapshotContent/content-default-kept')),
    );
  });

  test('keeps the snapshot in the storage with --keep-snapshot', async () => {
    await ready(['stays']);
    const { code, stdout, stderr } = await remove('stays', '--keep-snapshot', '-o', 'name');
    assert.deepEqual([code, stdout], [0, `${KIND}/stays\n`], stderr);
    assert.match(stderr, /the storage keeps snap-stays, which costs money/);
    const content = ['get', 'volumesnapshotcontent', 'content-default-stays', '-o', 'jsonpath={.spec.deletionPolicy}'];
    assert.equal(await server.kubectl(content), 'Retain');
  });

  test('accepts what status -o name prints', async () => {
    await ready(['named']);
    const { stdout } = await server.preload('status', '-o', 'name');
    assert.equal((await remove(stdout.trim())).code, 0);
    assert.deepEqual(await snapshots(), []);
  });

  test('also deletes what its run has left', async () => {
    await ready(['whole']);
    const left = loaderObjects('whole', FUTURE);
    await server.apply(...left.filter(({ metadata }) => metadata.name !== 'preloaded-whole'));
    const { code, stdout, stderr } = await remove('whole');
    assert.equal(code, 0, stderr);
    assert.equal(stdout.trim().split('\n').length, 6, stdout);
    const objects = await server.objects();
    assert.deepEqual(
      left.map(pathOf).filter((path) => objects.includes(path)),
      ['ConfigMap/default/preloaded-whole'],
    );
  });

  test('reports names that do not exist, and deletes the others', async () => {
    await ready(['there']);
    const { code, stdout, stderr } = await remove('no-1', 'there', 'no-2');
    assert.deepEqual([code, stdout], [1, `${KIND}/there deleted\n`]);
    for (const name of ['no-1', 'no-2'])
      assert.match(stderr, new RegExp(`^Error from server \\(NotFound\\): preloads "${name}" not found$`, 'm'));
  });

  test('does not fail for names that do not exist with --ignore-not-found', async () => {
    const outcome = await remove('no', 'no-', '--ignore-not-found');
    assert.deepEqual(outcome, { code: 0, stdout: '', stderr: 'Nothing to delete in default namespace.\n' });
  });

  test('leaves snapshots that others created', async () => {
    const { metadata, ...foreign } = volumeSnapshot(settings('foreign'));
    await server.apply({ ...foreign, metadata: { name: 'foreign', namespace: 'default' } });
    await server.refuses(['delete', 'foreign'], /^Error from server \(NotFound\): preloads "foreign"/m, /^/);
    assert.deepEqual(await snapshots(), ['foreign']);
    await server.kubectl(['delete', KIND, 'foreign']);
  });

  test('refuses a preload that is still being captured, until its pod and its deadline have ended', async () => {
    const objects = loaderObjects('busy', PAST);
    await server.apply(...objects);
    await server.kubectl([
      'patch',
      'pod/preload-busy',
      '--subresource=status',
      '--type=merge',
      '-p',
      '{"status":{"phase":"Running"}}',
    ]);
    const bind = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: 'preload-busy' },
      target: { kind: 'Node', name: 'worker' },
    };
    await server.kubectl(
      ['create', '--raw', '/api/v1/namespaces/default/pods/preload-busy/binding', '-f', '-'],
      JSON.stringify(bind),
    );
    await server.refuses(
      ['delete', 'busy'],
      /^error: preload "busy" may still be in progress: pod\/preload-busy has not ended$/m,
      /^hint: stop its create with Ctrl-C, or continue it with: kubectl preload create busy -n default --resume; to remove it all the same, run: kubectl delete /m,
    );
    await server.setStatus('pod/preload-busy', 'default', { phase: 'Failed' });
    const { code, stderr } = await remove('busy', '--wait=false');
    assert.equal(code, 0, stderr);
    await server.kubectl(['delete', 'pod/preload-busy', '--force', '--ignore-not-found']);
  });
});

describe('a NAME that is a prefix', () => {
  test('is the newest ready preload with that prefix', async () => {
    await ready(['daily-20261101-000000', 'daily-20261102-000000']);
    await server.apply(volumeSnapshot(settings('daily-20261103-000000')));
    const { code, stdout, stderr } = await remove('daily-');
    assert.deepEqual([code, stdout], [0, `${KIND}/daily-20261102-000000 deleted\n`], stderr);
    await remove('daily-20261101-000000', 'daily-20261103-000000');
    await server.refuses(
      ['delete', 'daily-'],
      /^error: no preload with the prefix "daily-" is ready/m,
      /^hint: see: /m,
    );
  });

  test('with --keep-last means all but the newest of each platform, and nothing that is not ready', async () => {
    const days = (architecture: string) => [1, 2, 3].map((day) => `nightly-2026110${day}-000000-${architecture}`);
    await ready(days('amd64'));
    await ready(days('arm64'), { platform: 'linux/arm64' });
    await ready(['nightly-gpu-20261101-000000']);
    await server.apply(volumeSnapshot(settings('nightly-20261031-000000-amd64')));
    const { code, stdout, stderr } = await remove('nightly-', '--keep-last', '2', '-o', 'name');
    assert.equal(code, 0, stderr);
    assert.deepEqual(stdout.trim().split('\n').sort(), [`${KIND}/${days('amd64')[0]}`, `${KIND}/${days('arm64')[0]}`]);
    const again = await remove('nightly-', '--keep-last', '2');
    assert.deepEqual(again, { code: 0, stdout: '', stderr: 'Nothing to delete in default namespace.\n' });
    assert.equal((await remove(...(await snapshots()))).code, 0);
  });
});

test('--selector deletes those whose snapshots have the labels', async () => {
  await ready(['shop'], { labels: { team: 'shop' } });
  await ready(['bank'], { labels: { team: 'bank' } });
  const { code, stdout, stderr } = await remove('-l', 'team=shop');
  assert.deepEqual([code, stdout], [0, `${KIND}/shop deleted\n`], stderr);
  await server.refuses(['delete', '-l', 'a=b=c'], /^Error from server \(BadRequest\): /m, /^/);
  assert.deepEqual(await snapshots(), ['bank']);
  await remove('bank');
});

describe('a dry run deletes nothing', () => {
  for (const [kind, suffix] of [
    ['client', '(dry run)'],
    ['server', '(server dry run)'],
  ]) {
    test(`and says what would be deleted: ${kind}`, async () => {
      await ready([`try-${kind}`]);
      const before = await server.objects();
      const argv = [`try-${kind}`, `--dry-run=${kind}`, '--keep-snapshot'];
      const { code, stdout, stderr } = await remove(...argv);
      assert.deepEqual([code, stdout], [0, `${KIND}/try-${kind} deleted ${suffix}\n`], stderr);
      assert.match(stderr, new RegExp(`^the storage keeps snap-try-${kind}, which costs money$`, 'm'));
      assert.deepEqual(await server.objects(), before);
      const policy = [
        'get',
        'volumesnapshotcontent',
        `content-default-try-${kind}`,
        '-o',
        'jsonpath={.spec.deletionPolicy}',
      ];
      assert.equal(await server.kubectl(policy), 'Delete');
      await remove(`try-${kind}`);
    });
  }
});

describe('what hangs', () => {
  const FINALIZER = 'snapshot.storage.kubernetes.io/volumesnapshot-bound-protection';

  test('is reported with the reason of the driver when the time is over', async () => {
    await ready(['stuck']);
    await server.setFinalizers(`${KIND}/stuck`, [FINALIZER]);
    const error = { message: 'the volume is in use', time: PAST };
    await server.setStatus('volumesnapshotcontent/content-default-stuck', 'default', { error });
    const { code, stdout, stderr } = await remove('stuck', '--timeout', '3s');
    assert.deepEqual([code, stdout], [1, `${KIND}/stuck deleted\n`], stderr);
    assert.match(
      stderr,
      /^error: timed out after 3s; volumesnapshot\S+\/stuck is still being deleted: the volume is in use$/m,
    );
    assert.match(stderr, /^hint: see: kubectl describe volumesnapshotcontent content-default-stuck$/m);
    const { code: unwaited, stderr: said } = await remove('stuck', '--wait=false');
    assert.equal(unwaited, 0, said);
    assert.match(said, /The storage is deleting snap-stuck/);
    await server.setFinalizers(`${KIND}/stuck`, null);
  });

  test('is waited for until Ctrl-C, and the deletion goes on', async () => {
    await ready(['slow']);
    await server.setFinalizers(`${KIND}/slow`, [FINALIZER]);
    const { child, said, outcome } = server.start('delete', 'slow');
    await until('the wait', async () => said.stderr.includes('Waiting'));
    child.kill('SIGINT');
    const { code, stderr } = await outcome;
    assert.equal(code, 130);
    assert.match(stderr, /^The deletion continues in the background\.$/m);
    await server.setFinalizers(`${KIND}/slow`, null);
  });
});

test('without the right to change the content, --keep-snapshot deletes nothing', async () => {
  await ready(['precious']);
  const verbs = ['get', 'list', 'delete'];
  const resources = [
    'volumesnapshots',
    'volumesnapshotcontents',
    'pods',
    'configmaps',
    'secrets',
    'persistentvolumeclaims',
  ];
  await server.apply(...grant('deleter', { apiGroups: ['*'], resources, verbs }));
  await server.refuses(
    ['delete', 'precious', '--keep-snapshot', '--as', 'deleter'],
    /^Error from server \(Forbidden\): .*cannot patch resource "volumesnapshotcontents"/m,
    /^/,
  );
  await remove('precious');
});

describe('on a terminal', () => {
  const run = promisify(execFile);
  const answered = async (answer: string, ...argv: string[]): Promise<string> => {
    const command = `stty cols 100; ${process.execPath} ${BUNDLE} delete ${argv.join(' ')}`;
    const env = { PATH: '/usr/bin:/bin', TERM: 'dumb', KUBECONFIG: server.kubeconfig, KUBECTL_PRELOAD_YES: 'true' };
    const shell = `printf '${answer}\\n' | script --quiet --return --command '${command}' /dev/null`;
    return (await run('sh', ['-c', shell], { env }).catch(({ stdout }) => ({ stdout }))).stdout;
  };

  test('asks first, and deletes only after yes', async () => {
    await ready(['asked']);
    const no = await answered('n', 'asked');
    assert.match(
      no,
      /This deletes:\r\n {2}volumesnapshot\S+\/asked\r\n {4}the storage deletes snap-asked\r\nContinue\? \[y\/N\]/,
    );
    assert.match(no, /Nothing was deleted\./);
    assert.deepEqual(await snapshots(), ['asked']);
    assert.match(await answered('y', 'asked'), /\/asked deleted/);
    assert.deepEqual(await snapshots(), []);
  });

  test('does not ask with --yes', async () => {
    await ready(['sure']);
    assert.doesNotMatch(await answered('', 'sure', '--yes'), /Continue/);
    assert.deepEqual(await snapshots(), []);
  });
});

test('variables of other commands do not select anything', async () => {
  await ready(['safe']);
  const env = {
    ...{ KUBECONFIG: server.kubeconfig, KUBECTL_PRELOAD_SELECTOR: 'app.kubernetes.io/name=preload' },
    ...{ KUBECTL_PRELOAD_NAME: 'safe', KUBECTL_PRELOAD_LEFTOVERS: 'true', KUBECTL_PRELOAD_KEEP_LAST: '1' },
  };
  const { code, stderr } = await startBundle(['delete'], env).outcome;
  assert.equal(code, 1);
  assert.match(stderr, /^error: specify either NAME, --selector or --leftovers$/m);
  assert.deepEqual(await snapshots(), ['safe']);
  await remove('safe');
});

test('in another namespace', async () => {
  await server.apply(...namespace('images'), volumeSnapshot(settings('far', 'images')));
  assert.equal((await remove('far')).code, 1);
  assert.equal((await remove('far', '-n', 'images')).code, 0);
});
