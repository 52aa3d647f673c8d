import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { load } from 'js-yaml';
import { helpTexts } from '../../src/program.ts';

const FILES = globSync('.github/examples/*.yaml');

/** The texts anywhere in a YAML document. */
const textsIn = (value: unknown): string[] => {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
};

describe('the examples of jobs are YAML, and call verbs and flags that there are', () => {
  const help = helpTexts();
  assert.equal(FILES.length, 2);
  for (const file of FILES) {
    const texts = textsIn(load(readFileSync(file, 'utf8')));
    const calls = texts.flatMap((text) => text.match(/^kubectl preload .*$/gm) ?? []);

    test(file, () => {
      assert.ok(calls.length >= 2);
      for (const call of calls) {
        const [, , verb = '', ...words] = call.split(/\s+/);
        assert.ok(verb && help[verb], `no verb ${verb}`);
        for (const flag of words.filter((word) => word.startsWith('-')))
          assert.match(help[verb], new RegExp(`(^|[ ,])${flag.replace(/=.*/, '')}[=,]`, 'm'), `${verb} has no ${flag}`);
      }
    });
  }
});
