import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import yargs from 'yargs';
import { connectionFlags, outputFlag, toggle } from '../../../../src/cli/flags.ts';
import { readFlags } from '../../../../src/cli/help.ts';
import { readWords } from '../../../../src/commands/complete/words.ts';

const flags = readFlags(
  outputFlag(connectionFlags(yargs([])))
    .option('all', { ...toggle('All'), alias: 'A' })
    .option('copy', { type: 'boolean', default: true, describe: 'Copy' }),
);

/** Flag and word that are completed, what is left of it, and what came before. */
const cases: [words: string[], last: [flag: string | undefined, word: string, start: string], before: string][] = [
  [[], [undefined, '', ''], ''],
  [['we'], [undefined, 'we', ''], ''],
  [['web', ''], [undefined, '', ''], 'web'],
  [['-n', ''], ['namespace', '', ''], ''],
  [['-n', 'shop', ''], [undefined, '', ''], 'namespace=shop'],
  [['-nshop', ''], [undefined, '', ''], 'namespace=shop'],
  [['-n=shop', ''], [undefined, '', ''], 'namespace=shop'],
  [['--namespace=a=b', ''], [undefined, '', ''], 'namespace=a=b'],
  [['--namespace=', ''], [undefined, '', ''], 'namespace='],
  [['-n', '--all', ''], [undefined, '', ''], 'namespace=--all'],
  [['-A', 'web', ''], [undefined, '', ''], 'web all=true'],
  [['-An', 'shop', ''], [undefined, '', ''], 'namespace=shop'],
  [['--no-copy', 'web', ''], [undefined, '', ''], 'web copy=false'],
  [['--as-group', 'a', '--as-group=b', ''], [undefined, '', ''], 'as-group=a,b'],
  [['--out'], [undefined, '--out', ''], ''],
  [['--output'], [undefined, '--output', ''], ''],
  [['--output=js'], ['output', 'js', ''], ''],
  [['-o=js'], ['output', 'js', ''], ''],
  [['-ojs'], ['output', 'js', '-o'], ''],
  [['-Aojs'], ['output', 'js', '-Ao'], ''],
  [['--all=t'], ['all', 't', ''], ''],
  [['--', '-o'], [undefined, '-o', ''], ''],
  [['--', '--', ''], [undefined, '', ''], '--'],
  [['-'], [undefined, '-', ''], ''],
  [['--unknown', ''], [undefined, '', ''], ''],
  [['--unknown=', ''], [undefined, '', ''], ''],
];

describe('an unfinished command line is read as the program would read it', () => {
  for (const [words, last, before] of cases) {
    test(JSON.stringify(words), () => {
      const { flag, word, start, given, values } = readWords(words, flags);
      assert.deepEqual([flag?.name, word, start], last);
      const pairs = [...given].map(([name, all]) => `${name}=${all}`);
      assert.equal([...values, ...pairs].join(' '), before);
    });
  }
});
