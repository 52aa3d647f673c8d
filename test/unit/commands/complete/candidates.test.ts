import assert from 'node:assert/strict';
import { test } from 'node:test';
import { argumentAt, formatCandidates, safe } from '../../../../src/commands/complete/candidates.ts';

test('an argument is found by its place, and the last one stands for all others if it can be repeated', () => {
  const at = (usage: string) => [0, 1, 2, 3].map((index) => argumentAt(usage, index));
  assert.deepEqual(at('create NAME [IMAGE...]'), ['NAME', 'IMAGE', 'IMAGE', 'IMAGE']);
  assert.deepEqual(at('delete [NAME...]'), ['NAME', 'NAME', 'NAME', 'NAME']);
  assert.deepEqual(at('diff NAME [OTHER]'), ['NAME', 'OTHER', undefined, undefined]);
  assert.deepEqual(at('version'), [undefined, undefined, undefined, undefined]);
});

test('words that a shell would not take as they are, are left out', () => {
  const words = [
    'web',
    'r.io:5000/a@sha256:0',
    'a=b:NoSchedule',
    '/x',
    '-rf',
    'a b',
    '$(id)',
    '`id`',
    'a;b',
    "a'b",
    'a\nb',
    '',
  ];
  assert.deepEqual(
    safe(words.map((word) => ({ word }))).map(({ word }) => word),
    ['web', 'r.io:5000/a@sha256:0', 'a=b:NoSchedule', '/x'],
  );
});

test('a description cannot add a line or a colour', () => {
  const [line] = formatCandidates(safe([{ word: 'web', describe: 'a\n:2\t\u001b[31mred' }]), { start: '', word: '' });
  assert.equal(line, 'web\ta?:2??[31mred');
});

test('candidates continue what was typed, each once', () => {
  const candidates = ['json', 'yaml', 'json'].map((word) => ({ word }));
  assert.deepEqual(formatCandidates(candidates, { start: '-o', word: 'j' }), ['-ojson']);
});
