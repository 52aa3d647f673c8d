import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { load } from 'js-yaml';
import type { PreloadSummary } from '../../src/model/summary.ts';
import { run } from '../cluster/machine/run.ts';
import { outcome } from '../harness/private-node.ts';
import { sample } from '../harness/sample.ts';
import {
  createNamespace,
  createPreload,
  deleteNamespaces,
  preload,
  startOnTerminal,
  status,
} from './support/commands.ts';
import { objectsOf } from './support/leftovers.ts';

const NAMESPACE = 'output';
const IMAGE = sample('ops/probe:1.0');
const SPINNER = /[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] Starting the loader/;
const ESCAPE = '\u001b';

const scratch = await mkdtemp(join(tmpdir(), 'preload-output-'));

before(() => createNamespace(NAMESPACE));

after(async () => {
  await deleteNamespaces(NAMESPACE);
  await rm(scratch, { recursive: true });
});

describe('create', { concurrency: 3 }, () => {
  test('-o name prints one line', async () => {
    const script = `ID=$(${create('named')} -o name 2>/dev/null) && printf '<%s>' "$ID"`;
    assert.equal(await run(['sh', '-euc', script]), '<volumesnapshot.snapshot.storage.k8s.io/named>');
  });

  test('without a terminal, standard output has only the table, and no stream has escape codes', async () => {
    const { stdout, stderr } = await createPreload(NAMESPACE, 'piped', [IMAGE]);
    const [head = '', row = '', ...rest] = stdout.split('\n');
    assert.match(head, /^NAME .* IMAGES .* SIZE .* SNAPSHOT-ID .* AGE$/);
    assert.match(row, /^piped .* 2 .* snap-[0-9a-f]{16} +\d+s$/);
    assert.deepEqual(rest, ['']);
    assert.match(stderr, /^ ✓ 2 images captured in \d+s: \d layers? (copied|pulled)/m);
    const { snapshotId } = await status(NAMESPACE, 'piped');
    assert.ok(stderr.includes(`deleting volumesnapshot/piped will also delete ${snapshotId} (deletionPolicy Delete)`));
    assert.match(
      stderr,
      /^To restore nothing but this volume, run on nodes: restore\.sh --expect sha256:[0-9a-f]{64}\nNext: kubectl preload recipe daemonset piped -n /m,
    );
    for (const stream of [stdout, stderr]) assert.ok(!stream.includes(ESCAPE));
  });

  test('with NO_COLOR, a terminal gets no escape codes', async () => {
    const { code, stdout } = await outcome(startOnTerminal(create('plain'), { NO_COLOR: '1' }));
    assert.equal(code, 0, stdout);
    assert.match(stdout, / ✓ Snapshot ready\r\n/);
    assert.match(stdout, /\nplain .* snap-[0-9a-f]{16} /);
    assert.ok(!stdout.includes(ESCAPE));
    assert.doesNotMatch(stdout, SPINNER);
  });

  test('on a terminal there is a spinner, and the result has no escape codes', async () => {
    const result = join(scratch, 'result');
    const { code, stdout } = await outcome(startOnTerminal(`${create('colourful')} >${result}`));
    assert.equal(code, 0, stdout);
    assert.match(stdout, SPINNER);
    assert.ok(stdout.includes(`${ESCAPE}[32m✓${ESCAPE}[39m Snapshot ready`));
    const table = await readFile(result, 'utf8');
    assert.match(table, /\ncolourful .* snap-[0-9a-f]{16} /);
    assert.ok(!table.includes(ESCAPE));
  });

  test('a terminal of unknown width gets plain lines', async () => {
    const { code, stdout } = await outcome(startOnTerminal(create('narrow'), {}, 0));
    assert.equal(code, 0, stdout);
    assert.match(stdout, / ✓ Snapshot ready\r\n/);
    assert.ok(!stdout.includes(ESCAPE));
  });

  test('-o json and -o yaml describe the preload like status', async () => {
    const json = JSON.parse((await createPreload(NAMESPACE, 'json', [IMAGE, '-o', 'json'])).stdout) as PreloadSummary;
    assert.equal(json.phase, 'Ready');
    assert.equal(json.namespace, NAMESPACE);
    assert.match(json.snapshotId ?? '', /^snap-[0-9a-f]{16}$/);
    assert.match(json.contentsDigest ?? '', /^sha256:[0-9a-f]{64}$/);
    assert.ok(!('incomplete' in json));
    assert.ok(json.images?.some(({ names }) => names.includes(IMAGE)));
    assert.deepEqual(withoutUsage(await status(NAMESPACE, 'json')), json);
    const yaml = await preload(['status', 'json', '-n', NAMESPACE, '-o', 'yaml']);
    assert.deepEqual(withoutUsage(load(yaml.stdout) as PreloadSummary), json);
    const created = await createPreload(NAMESPACE, 'yaml', [IMAGE, '-o', 'yaml']);
    assert.deepEqual(load(created.stdout), withoutUsage(await status(NAMESPACE, 'yaml')));
  });
});

test('--dry-run=client prints the objects and creates none', async () => {
  const before = await objectsOf(NAMESPACE);
  const dryRun = (format: string) =>
    createPreload(NAMESPACE, 'dry', [IMAGE, '--size', '1Gi', '--dry-run=client', '-o', format]);
  const { items } = JSON.parse((await dryRun('json')).stdout) as { items: { kind: string }[] };
  const kinds = ['ConfigMap', 'PersistentVolumeClaim', 'Pod', 'VolumeSnapshot'];
  assert.deepEqual(
    items.map(({ kind }) => kind),
    kinds,
  );
  const documents = (await dryRun('yaml')).stdout.split('\n---\n').map((text) => load(text));
  assert.deepEqual(documents, items);
  assert.match(
    (await dryRun('name')).stdout,
    /^configmap\/preload-dry\npersistentvolumeclaim\/.*\npod\/.*\nvolumesnapshot/,
  );
  assert.deepEqual(await objectsOf(NAMESPACE), before);
});

test('status without preloads says so on standard error and succeeds', async () => {
  const { code, stdout, stderr } = await preload(['status', '-n', 'default']);
  assert.deepEqual(
    { code, stdout, stderr },
    { code: 0, stdout: '', stderr: 'No resources found in default namespace.\n' },
  );
  const missing = await preload(['status', 'nothing', '-n', 'default']);
  assert.equal(missing.code, 1);
  assert.equal(missing.stderr, 'Error from server (NotFound): preloads "nothing" not found\n');
});

/** What create reports of a preload: it does not look at what the cluster runs. */
const withoutUsage = ({ nodes, coverage, ...preload }: PreloadSummary): Partial<PreloadSummary> => preload;

const create = (name: string): string => `kubectl preload create ${name} -n ${NAMESPACE} ${IMAGE}`;
