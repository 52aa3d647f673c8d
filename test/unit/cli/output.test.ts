import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatTable, formatYaml } from '../../../src/cli/output.ts';

describe('tables', () => {
  test('have three spaces between columns and no trailing spaces', () => {
    const rows = [
      ['web', 'x'],
      ['a', ''],
    ];
    assert.equal(formatTable(['NAME', 'SNAPSHOT-ID'], rows), 'NAME   SNAPSHOT-ID\nweb    x\na');
  });

  test('without rows have only a header', () => assert.equal(formatTable(['A', 'B'], []), 'A   B'));
});

test('YAML has no references and no wrapped lines', () => {
  const shared = { text: 'a '.repeat(100).trim() };
  assert.equal(formatYaml([shared, shared]), `- text: ${shared.text}\n- text: ${shared.text}`);
});
