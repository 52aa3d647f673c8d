import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { runBundle } from '../../harness/run-bundle.ts';

const GOLDEN = join(import.meta.dirname, 'help');
const VERBS = [
  ...['', 'create', 'status', 'images', 'diff', 'recipe', 'delete', 'doctor', 'verify', 'export'],
  ...['snapshot', 'completion', 'version'],
];

const helpOf = async (...argv: string[]): Promise<string> => {
  const { code, stdout, stderr } = await runBundle(argv);
  assert.deepEqual([code, stderr], [0, '']);
  return stdout;
};

describe('help is the result, so it goes to standard output', () => {
  for (const verb of VERBS) {
    test(verb || 'of the program', async () => {
      const file = join(GOLDEN, `${verb || 'program'}.txt`);
      const text = await helpOf(...[verb, '-h'].filter(Boolean));
      if (process.env.UPDATE_GOLDEN) {
        await mkdir(GOLDEN, { recursive: true });
        await writeFile(file, text);
      }
      assert.equal(text, await readFile(file, 'utf8'), 'after a wanted change: UPDATE_GOLDEN=1 npm run test:unit');
      for (const line of text.split('\n')) assert.ok(line.length <= 120, line);
    });
  }

  test('it can be requested in every way that kubectl supports', async () => {
    const create = await helpOf('create', '-h');
    for (const argv of [
      ['create', '--help'],
      ['help', 'create'],
      ['create', 'web', '--strict', '-h'],
    ]) {
      assert.equal(await helpOf(...argv), create, argv.join(' '));
    }
    for (const argv of [[], ['--help'], ['help']]) assert.equal(await helpOf(...argv), await helpOf('-h'));
    assert.equal(await helpOf('e', '-h'), await helpOf('export', '-h'));
    assert.equal(await helpOf('s', '-h'), await helpOf('snapshot', '-h'));
  });
});

test('flags are spelled and described like those of kubectl', async () => {
  const flags = [...(await helpOf('create', '-h')).matchAll(/^ +(?:-\w, )?--([\w-]+)=\S+ +(\S.*)?$/gm)];
  assert.ok(flags.length > 20);
  for (const [, name = '', text = 'Below'] of flags) {
    assert.match(name, /^[a-z]+(-[a-z]+)*$/);
    assert.match(text, /^[A-Z]/);
    assert.doesNotMatch(text, /\.$/);
  }
  for (const flag of ['namespace', 'kubeconfig', 'context', 'as', 'request-timeout', 'output', 'dry-run']) {
    assert.ok(
      flags.some(([, name]) => name === flag),
      flag,
    );
  }
});
