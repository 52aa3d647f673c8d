import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { asDocument, asListDocument } from '../../src/cli/document.ts';
import { evaluateJsonPath, parseJsonPath } from '../../src/cli/jsonpath.ts';
import { goBuild } from '../cluster/go-build.ts';
import { run } from '../cluster/machine/run.ts';

// kubectl's answers to the same templates for the same documents. With --local, it needs no server and accepts any kind.

const scratch = await mkdtemp(join(tmpdir(), 'preload-jsonpath-'));
after(() => rm(scratch, { recursive: true }));

const kubectl = join(await goBuild('kubernetes', console.error), 'kubectl');

const DOCUMENT = asDocument('Preload', {
  ...{ name: 'web', phase: 'Ready', size: 3_221_225_472, ratio: 0.5, incomplete: true, exclude: [], odd: '<&>' },
  images: [
    { names: ['r.io/a:1', 'r.io/a@sha256:0'], digest: 'sha256:0', size: 1024 },
    { names: ['r.io/b:1'], digest: 'sha256:1', size: 12 },
  ],
  coverage: { present: 1, inUse: 2, missing: [{ name: 'r.io/c:1', users: [{ kind: 'pod' }] }] },
});
const file = join(scratch, 'document.json');

const answer = (output: string): Promise<string> =>
  run([kubectl, 'annotate', '--local', '-f', file, 'a=b', '-o', output], { env: { HOME: scratch, PATH: '' } });

await writeFile(file, JSON.stringify(DOCUMENT));
const document: unknown = JSON.parse(await answer('json'));

const ours = (template: string): string => evaluateJsonPath(parseJsonPath(template), document);

describe('as kubectl answers', () => {
  const templates = [
    ...[
      '{.name}',
      '{.size}',
      '{.ratio}',
      '{.incomplete}',
      '{.missing}',
      '{.name.more}',
      'name={.name}',

      '{$.name}',
    ],
    ...['{@.name}', "{['name']}", '{.odd}', '{.images[0]}', '{.images[*].size}', '{.images[1].names[0]}', '{.images}'],
    ...['{.images[*].names[*]}', '{.exclude}', '{.exclude[*]}', '{.coverage}', '{.coverage.missing[*].users[*].kind}'],
    ...[
      '{.images[*].names}',
      '{.coverage.none[*].name}',
      '{"a\\tb"}',
      "{'a b'}",
      '{.name}{"\\n"}{.phase}',
      '{ .name }',
    ],
    ...[
      '{range .images[*]}{.digest}{"\\t"}{.size}{"\\n"}{end}',
      '{range .exclude[*]}{.x}{end}',
      'x{range .none[*]}y{end}z',
    ],
    ...['{range .images[*]}{range .names[*]}{@} {end};{end}', '{range .images[*]}[{.names[0]}]{end}{.name}'],
    ...['{"{"}', '{.apiVersion}/{.kind}', '{.metadata.annotations.a}', ' {.name} ', '{@}', '{$}'],
  ];
  for (const template of templates) {
    test(template, async () => assert.equal(ours(template), await answer(`jsonpath=${template}`)));
  }
});

describe('an error, as in kubectl', () => {
  for (const template of ['{.images[5].size}', '{.name[*]}', '{.coverage[*]}', '{.name', '{name}', '{end}']) {
    test(template, async () => {
      assert.throws(() => ours(template));
      await assert.rejects(answer(`jsonpath=${template}`));
    });
  }
});

test('a list has its items', () => {
  const list = asListDocument('Preload', [{ name: 'a' }, { name: 'b' }]);
  assert.equal(evaluateJsonPath(parseJsonPath('{.items[*].name}'), list), 'a b');
});
