import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  hotList,
  isHotPath,
  listedFiles,
  MAX_HOT_BYTES,
  MAX_HOT_FILES,
  parseHotList,
} from '../../../src/volume/hot-list.ts';
import { digest } from '../../harness/captured-images.ts';
import { RUNS } from '../../harness/fuzz.ts';

const [a, b] = [digest('a'), digest('b')];
const file = (path: string, mapped = false, bytes = 1, chainId = a) => ({ chainId, path, mapped, bytes });
const hex = 'a'.repeat(64);

test('a line for each file, in order', () => {
  assert.equal(
    hotList([file('usr/bin/app', true, 4096), file('etc/a b', false, 7, b)]),
    `${hex} 4096 usr/bin/app\n${'b'.repeat(64)} 7 etc/a b\n`,
  );
  assert.equal(hotList([]), '');
});

test('paths that the list can hold', () => {
  for (const path of ['a', 'a/b', ' a ', '-rf', '..a', 'a/...', '$(id)', 'grüße', 'back\\slash', 'x'.repeat(1000)])
    assert.ok(isHotPath(path), path);
  for (const path of [
    '',
    '/',
    '/a',
    'a/',
    'a//b',
    '.',
    '..',
    'a/..',
    '../a',
    './a',
    'a\nb',
    'a\tb',
    '\u001b',
    'ü'.repeat(501),
  ])
    assert.ok(!isHotPath(path), path);
});

test('a file that several containers use is listed once, where it is needed first', () => {
  const files = [
    file('app', true),
    file('lib'),
    file('app'),
    file('lib', true),
    file('lib', false, 1, b),
    file('a\nb'),
  ];
  assert.deepEqual(listedFiles(files), [files[0], files[1], files[4]]);
});

test('if there are too many, programs and libraries win', () => {
  const cached = Array.from({ length: MAX_HOT_FILES }, (_, index) => file(`${index}`));
  const listed = listedFiles([...cached, file('app', true)]);
  assert.equal(listed.length, MAX_HOT_FILES);
  assert.deepEqual(listed.at(-1), file('app', true));
  assert.deepEqual(listed[0], cached[0]);
});

test('files that no longer fit are left out', () => {
  const list = hotList([file('one', false, MAX_HOT_BYTES), file('two', false, 5), file('app', true, 10)]);
  assert.equal(list, `${hex} 5 two\n${hex} 10 app\n`);
});

test('what is written can be read again', () => {
  const path = fc.string({ minLength: 1, unit: 'grapheme' }).filter(isHotPath);
  const files = fc.uniqueArray(path, { minLength: 1 }).map((paths) => paths.map((name) => file(name)));
  fc.assert(
    fc.property(files, (some) => {
      const read = parseHotList(hotList(some));
      assert.deepEqual(
        read,
        some.map(({ mapped, ...rest }) => rest),
      );
    }),
    { numRuns: RUNS },
  );
});

test('any other text is invalid', () => {
  for (const text of [
    ...['', '\n', `${hex} 1 a`, `${hex} 1 a\n\n`, `\n${hex} 1 a\n`, `${hex} 1\n`, `${hex} 1 \n`, `${hex} 0 a\n`],
    ...[
      `${hex} 01 a\n`,
      `${hex} -1 a\n`,
      `${hex} 1e3 a\n`,
      `${hex}  1 a\n`,
      `sha256:${hex} 1 a\n`,
      `${hex} 1 a/../b\n`,
    ],
    ...[`${hex} 1 /a\n`, `${hex} 1 a\r\n`, `${hex} 99999999999 a\n`, `${hex} ${MAX_HOT_BYTES} a\n${hex} 1 b\n`],
    `${hex} 1 a\n`.repeat(MAX_HOT_FILES + 1),
  ])
    assert.equal(parseHotList(text), undefined, text.slice(0, 100));
});
