import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  becomes,
  createNamespace,
  createPreload,
  deleteNamespaces,
  kubectl,
  preload,
  said,
  startPreload,
} from '../e2e/support/commands.ts';
import { objectsOf } from '../e2e/support/leftovers.ts';
import { mountSnapshot } from '../e2e/support/mounted-snapshot.ts';
import { differences } from '../harness/differences.ts';
import { outcome } from '../harness/private-node.ts';
import { repetitions } from '../harness/repetitions.ts';
import { sample } from '../harness/sample.ts';
import { describeVolume } from '../harness/sealed-volume.ts';
import { seed, seededRandom } from '../harness/seeded-random.ts';

const NAMESPACE = 'killed-create';
const IMAGES = ['shop/web:1.4', 'data/report:7', 'site/home:2026'].map(sample);
const KILLS = repetitions(10, 2); // in each phase
const TOGETHER = 4;

const WITHOUT_LOADER = 'capturing, and its loader is deleted';

/** What create says when a phase begins, and how many milliseconds after that it is killed at most. */
const PHASES = {
  planning: ['Planning', 1500],
  'creating the volume': [' images need ', 300],
  starting: ['Starting the loader', 1500],
  capturing: ['Capturing ', 2500],
  [WITHOUT_LOADER]: ['Capturing ', 1500],
  sealed: [' captured in ', 100],
  'after submission': ['Waiting for the snapshot', 1500],
  'clean-up': ['Removing the loader', 800],
} as const;

const random = seededRandom(seed);
const rows = Object.entries(PHASES).flatMap(([phase, [title, most]], index) =>
  Array.from({ length: KILLS }, (_, kill) => ({ phase, title, name: `k${index}-${kill}`, delay: random() * most })),
);

/** What is on the volume of a run that was not killed. */
let expected = '';

before(async () => {
  await createNamespace(NAMESPACE);
  await createPreload(NAMESPACE, 'whole', IMAGES);
  expected = await contentsOf('whole');
});
after(() => deleteNamespaces(NAMESPACE));

const contentsOf = async (name: string): Promise<string> => {
  const snapshot = await mountSnapshot(NAMESPACE, name);
  try {
    return await describeVolume(snapshot.folder);
  } finally {
    await snapshot.unmount();
  }
};

/** The objects of a preload, without those whose names are generated. */
const objectsNamed = async (name: string): Promise<string[]> =>
  (await objectsOf(NAMESPACE)).filter((object) => new RegExp(`[ -]${name}(-plan)?$`).test(object));

describe(`create --resume continues a run that was killed (SEED=${seed})`, { concurrency: TOGETHER }, () => {
  for (const { phase, title, name, delay } of rows) {
    test(`${phase}, after ${Math.round(delay)} ms (${name})`, async (t) => {
      const child = startPreload(['create', name, '-n', NAMESPACE, ...IMAGES]);
      const ended = outcome(child);
      await said(child.stderr, title);
      await sleep(delay);
      child.kill('SIGKILL');
      await ended;
      if (phase === WITHOUT_LOADER) await kubectl(['delete', 'pod', '-n', NAMESPACE, `preload-${name}`, '--now']);
      const left = await objectsNamed(name);
      t.diagnostic(`left: ${left.join(', ')}`);

      const again = await preload(['create', name, '-n', NAMESPACE, '--resume']);
      const isBegun = left.some((object) => /^(Pod|PersistentVolumeClaim|VolumeSnapshot) /.test(object));
      if (isBegun) assert.equal(again.code, 0, again.stderr);
      else await beginsAgain(name, again.stderr);
      assert.doesNotMatch(again.stderr, /could not|lost/);
      assert.deepEqual(differences(await contentsOf(name), expected), [], again.stderr);
      await becomes([`ConfigMap preloaded-${name}`, `VolumeSnapshot ${name}`], () => objectsNamed(name));
    });
  }
});

test('nothing is left but the preloads', async () => {
  const kinds = ['ConfigMap', 'VolumeSnapshot', 'VolumeSnapshotContent'];
  await becomes(kinds, async () => [...new Set((await objectsOf(NAMESPACE)).map((object) => object.split(' ')[0]))]);
});

/** Does what the error of a run says that was killed before it had a pod or a volume. */
const beginsAgain = async (name: string, stderr: string): Promise<void> => {
  assert.match(stderr, /^error: .*(interrupted before it captured anything|has no interrupted run)/m);
  const command = /after: kubectl (.*)$/m.exec(stderr)?.[1];
  if (command) await kubectl(command.split(' '));
  await createPreload(NAMESPACE, name, IMAGES);
};

test('a run that was not interrupted cannot be continued', async () => {
  const { code, stderr } = await preload(['create', 'never', '-n', NAMESPACE, '--resume']);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^error: preload "never" has no interrupted run in namespace "killed-create"\nhint: run create without --resume/m,
  );
});
