import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type Outcome, startBundle } from '../harness/run-bundle.ts';
import { created, logAnswer, startStage } from './staged-run.ts';

const stage = await startStage();
stage.faulty.behave(logAnswer);
after(() => stage.stop());

/** What is there now and was not at the start. */
const untouched = await stage.server.objects();
const added = async (): Promise<string[]> => {
  const known = new Set(untouched);
  return (await stage.server.objects()).filter((object) => !known.has(object));
};

const outcomes = (runs: readonly { outcome: Promise<Outcome> }[]): Promise<Outcome[]> =>
  stage.during(Promise.all(runs.map(({ outcome }) => outcome)));

const removeAll = async () => {
  await stage.server.kubectl(['delete', 'volumesnapshots', '-l', 'app.kubernetes.io/instance!=old']);
  await stage.server.kubectl([
    'delete',
    'volumesnapshotcontents',
    '--field-selector=metadata.name!=content-default-old',
  ]);
  await stage.server.kubectl([
    'delete',
    'configmaps',
    '-l',
    'app.kubernetes.io/component=record,app.kubernetes.io/instance!=old',
  ]);
};

for (const count of [2, 5]) {
  test(`of ${count} creates of one name, one wins, and the others say why they cannot`, async () => {
    const ended = await outcomes(Array.from({ length: count }, () => stage.start('create', 'web')));
    const lost = ended.filter(({ code }) => code !== 0);
    assert.equal(lost.length, count - 1, JSON.stringify(ended));
    for (const { code, stdout, stderr } of lost) {
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, /^error: .*"web".* already exists|^error: \S+\/preload-web already exists/m);
    }
    assert.deepEqual(await added(), created('create', 'web').sort());
    await removeAll();
  });
}

test('twenty creates of different names at once all end, and leave nothing else', async () => {
  const names = Array.from({ length: 20 }, (_, index) => `web-${index}`);
  const ended = await outcomes(names.map((name) => stage.start('create', name)));
  for (const { code, stderr } of ended) assert.equal(code, 0, stderr);
  assert.deepEqual(await added(), names.flatMap((name) => created('create', name)).sort());
  await removeAll();
});

test('six creates whose names are generated in the same second get six names', async () => {
  const argv = ['create', '--generate-name', 'nightly-', 'nginx:1', '--size', '1Gi', '-o', 'name'];
  const runs = Array.from({ length: 6 }, () => startBundle(argv, { KUBECONFIG: stage.faulty.kubeconfig }));
  const ended = await outcomes(runs);
  for (const { code, stderr } of ended) assert.equal(code, 0, stderr);
  const names = ended.map(({ stdout }) => stdout.trim().replace(/^.*\//, ''));
  assert.equal(new Set(names).size, 6);
  for (const name of names) assert.match(name, /^nightly-\d{8}-\d{6}$/);
  assert.deepEqual(await added(), names.flatMap((name) => created('create', name)).sort());
});
