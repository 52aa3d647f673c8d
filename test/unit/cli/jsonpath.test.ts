import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { evaluateJsonPath, parseJsonPath } from '../../../src/cli/jsonpath.ts';

const VALUE = {
  name: 'web',
  empty: [],
  items: [{ name: 'a', size: 1, ok: true }, { name: 'b' }],
  sub: { z: 1, a: '<' },
};

const evaluate = (template: string): string => evaluateJsonPath(parseJsonPath(template), VALUE);

const RESULTS: [template: string, result: string][] = [
  ['', ''],
  ['text', 'text'],
  ['{.name}', 'web'],
  ['{ .name }', 'web'],
  ['{$.name}{@.name}', 'webweb'],
  ["{['name']}", 'web'],
  ['name: {.name}!', 'name: web!'],
  ['{.missing}', ''],
  ['{.name.missing}', ''],
  ['{.items[*].name}', 'a b'],
  ['{.items[0].size}', '1'],
  ['{.items[1].size}', ''],
  ['{.items[0].ok}', 'true'],
  ['{.items[1]}', '{"name":"b"}'],
  ['{.sub}', '{"a":"\\u003c","z":1}'],
  ['{.empty[*]}', ''],
  ['{.missing[*].name}', ''],
  ['{range .items[*]}{.name}{"\\t"}{.size}{"\\n"}{end}', 'a\t1\nb\t\n'],
  ['{range .items[*]}{.name},{end}.', 'a,b,.'],
  ['{\'a}b\'}{"{"}', 'a}b{'],
];

describe('a template', () => {
  for (const [template, result] of RESULTS) test(template, () => assert.equal(evaluate(template), result));
});

describe('what is not supported is an error', () => {
  const templates = [
    ...[
      '{.items[?(@.name=="a")]}',
      '{..name}',
      '{.items[0:1]}',
      '{.items[-1]}',
      '{.items[0,1]}',
      '{.*}',
      '{.}',
      '{name}',
      '{}',
    ],
    ...['{.a\\.b}', '{.name', '{', '{range .items[*]}', '{end}', '{.items[}', '{"\\x41"}', '{"a" .name}'],
  ];
  for (const template of templates) {
    test(template, () => assert.throws(() => parseJsonPath(template), / is not supported; fields \(\.a\.b\)/));
  }
});

describe('a step that does not fit the value is an error', () => {
  test('an item that is not there', () => {
    assert.throws(() => evaluate('{.items[2].name}'), /a list has 2 items, so there is no item 2/);
  });

  test('an item of what is not a list', () => {
    assert.throws(() => evaluate('{.sub[*]}'), /\{"z":1,"a":"<"\} is not a list/);
  });
});
