import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { volumeSnapshot } from '../../src/manifests/snapshot.ts';
import { until } from '../cluster/machine/until.ts';
import { at, FORBIDDEN } from '../harness/faulty-api-server.ts';
import { type Outcome, startBundle } from '../harness/run-bundle.ts';
import { node } from './api-server.ts';
import { record, recordOf, settings, zipped } from './records.ts';
import { logAnswer, startStage } from './staged-run.ts';

const stage = await startStage();
stage.faulty.behave(logAnswer);
after(() => stage.stop());
const { server } = stage;

const start = (...argv: string[]) => startBundle(argv, { KUBECONFIG: stage.faulty.kubeconfig });

const renewal = (prefix: string, ...flags: string[]) =>
  start('create', '--generate-name', prefix, 'nginx:1', '--size', '1Gi', ...flags);

const ends = ({ outcome }: { outcome: Promise<Outcome> }): Promise<Outcome> => stage.during(outcome);

/** A preload that is ready, in the state of an earlier night. */
const made = async (name: string, { platform = 'linux/amd64', policy = 'Delete' as 'Delete' | 'Retain' } = {}) => {
  await server.apply(volumeSnapshot(settings(name)));
  await server.finishSnapshot(name, 'default', policy);
  await server.apply(await recordOf(server, name, 'default', zipped({ ...record, platform })));
};

const snapshots = async (prefix: string): Promise<string[]> =>
  (await server.objects('VolumeSnapshot'))
    .flatMap((object) => /^VolumeSnapshot\/default\/(.*)$/.exec(object)?.[1] ?? [])
    .filter((name) => name.startsWith(prefix));

const nameIn = ({ stdout }: Outcome): string => stdout.trim().replace(/^.*\//, '');

/** Runs a renewal, and returns what it said and the name of the new preload. */
const renewed = async (prefix: string, ...flags: string[]) => {
  const outcome = await ends(renewal(prefix, '-o', 'name', ...flags));
  assert.equal(outcome.code, 0, outcome.stderr);
  return { name: nameIn(outcome), stderr: outcome.stderr };
};

describe('a generated name', () => {
  test('is the prefix and the time in UTC, and is said at the start', async () => {
    const { name, stderr } = await renewed('time-');
    assert.match(name, /^time-\d{8}-\d{6}$/);
    assert.match(stderr, new RegExp(`^ ✓ Name ${name}$`, 'm'));
  });
});

describe('--keep-last', () => {
  test('deletes what is older than the last ones with this prefix and platform, and nothing else', async () => {
    for (const name of ['kept-1', 'kept-2', 'kept-gpu-1', 'kept']) await made(name);
    await made('kept-1-arm64', { platform: 'linux/arm64' });
    await server.apply(volumeSnapshot(settings('kept-0'))); // never ready
    await server.kubectl(['apply', '-f', '-'], JSON.stringify(withoutLabels('kept-3')));
    const { name, stderr } = await renewed('kept-', '--keep-last', '1');
    assert.match(stderr, /^ ✓ Deleted preload kept-1 with snap-kept-1$/m);
    assert.match(stderr, /^ ✓ Deleted preload kept-2 with snap-kept-2$/m);
    assert.deepEqual(await snapshots('kept'), ['kept', 'kept-0', 'kept-1-arm64', 'kept-3', 'kept-gpu-1', name].sort());
  });

  test('counts the new one', async () => {
    for (const name of ['count-1', 'count-2', 'count-3']) await made(name);
    const { name } = await renewed('count-', '--keep-last', '3');
    assert.deepEqual((await snapshots('count-')).length, 3);
    assert.ok((await snapshots('count-')).includes(name));
  });

  test('names the snapshot that stays in the storage', async () => {
    await made('cloud-1', { policy: 'Retain' });
    const { stderr } = await renewed('cloud-', '--keep-last', '1');
    assert.match(stderr, /^ ! deleted preload cloud-1, but snap-cloud-1 stays in the storage, where it costs money/m);
  });

  test('leaves one without a record, whose platform nobody knows, and says so', async () => {
    await server.apply(volumeSnapshot(settings('bare-1')));
    await server.finishSnapshot('bare-1');
    const { name, stderr } = await renewed('bare-', '--keep-last', '1');
    assert.match(stderr, /^ ! preload bare-1 has no record, .*kubectl preload delete bare-1 -n default$/m);
    assert.deepEqual(await snapshots('bare-'), ['bare-1', name]);
  });

  test('deletes nothing if the new one fails', async () => {
    await made('fails-1');
    const run = renewal('fails-', '--keep-last', '1');
    await until('the loader starting', () => run.said.stderr.includes('Starting the loader'));
    run.child.kill('SIGINT');
    assert.equal((await run.outcome).code, 130);
    assert.deepEqual(await snapshots('fails-'), ['fails-1']);
  });

  test('only warns if an older one cannot be deleted', async () => {
    await made('locked-1');
    const refuse = at(/^DELETE .*\/volumesnapshots\/locked-1/, FORBIDDEN);
    stage.faulty.behave((method, path) => refuse(method, path) ?? logAnswer(method, path));
    const { name, stderr } = await renewed('locked-', '--keep-last', '1');
    stage.faulty.behave(logAnswer);
    assert.match(stderr, /^ ! could not delete preload locked-1: .*; delete it with: kubectl preload delete locked-1/m);
    assert.deepEqual(await snapshots('locked-'), ['locked-1', name]);
  });

  test('of two runs at once deletes neither new one', async () => {
    await made('twice-1');
    const flags = ['--keep-last', '1', '-o', 'name'];
    const runs = [renewal('twice-', ...flags), renewal('twice-', ...flags)];
    const ended = await stage.during(Promise.all(runs.map(({ outcome }) => outcome)));
    for (const { code, stderr } of ended) assert.equal(code, 0, stderr);
    assert.deepEqual(await snapshots('twice-'), ended.map(nameIn).sort());
  });

  test('spares the base of a run in progress', async () => {
    await made('base-1');
    const unfinished = at(/^GET .*\/preload-slow\/log/, { code: 200, reason: '', message: '', text: '' });
    stage.faulty.behave((method, path) => unfinished(method, path) ?? logAnswer(method, path));
    const slow = start('create', 'slow', 'nginx:1', '--size', '1Gi', '--base', 'base-1');
    await stage.there({ name: 'slow', ...slow }, 'ConfigMap/default/preload-slow');
    const fast = renewal('base-', '--keep-last', '1', '-o', 'name');
    const { code, stderr, stdout } = await ends(fast);
    assert.equal(code, 0, stderr);
    slow.child.kill('SIGINT');
    await slow.outcome;
    stage.faulty.behave(logAnswer);
    assert.match(stderr, /^ ! preload base-1 stays for now: preload slow, /m);
    assert.deepEqual(await snapshots('base-'), ['base-1', nameIn({ stdout, stderr, code })]);
  });

  test('is part of a run that is continued', async () => {
    await made('again-1');
    const run = renewal('again-', '--keep-last', '1', '--label', 'team=web');
    await until('the loader starting', () => run.said.stderr.includes('Starting the loader'));
    run.child.kill('SIGKILL');
    await run.outcome;
    const name = /Name (\S+)/.exec(run.said.stderr)?.[1] ?? '';
    const { code, stderr } = await ends(start('create', name, '--resume'));
    assert.equal(code, 0, stderr);
    assert.deepEqual(await snapshots('again-'), [name]);
    const labels = await server.kubectl(['get', 'volumesnapshot', name, '-o', 'jsonpath={.metadata.labels.team}']);
    assert.equal(labels, 'web');
  });

  test('counts each platform on its own with --all-platforms', async () => {
    await server.apply(node('arm', {}, 'arm64'));
    for (const night of ['multi-1', 'multi-2'])
      for (const arch of ['amd64', 'arm64']) await made(`${night}-${arch}`, { platform: `linux/${arch}` });
    const { code, stdout, stderr } = await ends(renewal('multi-', '--all-platforms', '--keep-last', '2', '-o', 'name'));
    await server.kubectl(['delete', 'node', 'arm']);
    assert.equal(code, 0, stderr);
    const added = [...stdout.matchAll(/multi-\S+/g)].map(([name]) => name);
    assert.equal(added.length, 2, stdout);
    for (const arch of ['amd64', 'arm64'])
      assert.match(
        stderr,
        new RegExp(`^ ✓ linux/${arch}: Deleted preload multi-1-${arch} with snap-multi-1-${arch}$`, 'm'),
      );
    assert.deepEqual(await snapshots('multi-'), ['multi-2-amd64', 'multi-2-arm64', ...added].sort());
  });
});

/** A snapshot that another tool made. */
const withoutLabels = (name: string) => {
  const { metadata, ...rest } = volumeSnapshot(settings(name));
  return { ...rest, metadata: { name: metadata.name, namespace: metadata.namespace } };
};

describe('--base with a prefix', () => {
  test('means the newest ready preload for the platform, and create says what changed since', async () => {
    await made('grown-1');
    await made('grown-1-arm64', { platform: 'linux/arm64' });
    const { stderr } = await renewed('grown-', '--base', 'grown-');
    assert.match(stderr, /^ ✓ Base grown-1$/m);
    assert.match(stderr, /^ ✓ Since grown-1: 1 image removed, 2Ki of new layers$/m);
  });

  test('is left out the first time if it is the prefix of the new one', async () => {
    const { stderr } = await renewed('first-', '--base', 'first-');
    assert.match(stderr, /^ ✓ No base: no preload first-\* for linux\/amd64 is ready yet$/m);
  });

  test('is an error if no preload has another prefix', async () => {
    await server.refuses(
      ['create', 'web', 'nginx:1', '--base', 'none-'],
      /^error: no preload with the prefix "none-" for linux\/amd64 is ready in namespace "default"$/m,
      /^hint: see: kubectl preload status -n default$/m,
    );
  });
});

test('verify takes a prefix', async () => {
  await made('sound-1');
  await made('sound-2');
  const run = start('verify', 'sound-');
  await until('the clone', () => server.isThere('pod/preload-sound-2-verify'));
  const { stdout } = await ends(run);
  assert.match(stdout, /^sound-2 /m);
});
