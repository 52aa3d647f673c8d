import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatBytes, parseQuantity } from '../../../src/model/units.ts';

describe('quantities are bytes', () => {
  const quantities: Record<string, number | undefined> = {
    '1': 1,
    '1k': 1000,
    '1Ki': 1024,
    '10Gi': 10 * 1024 ** 3,
    '1.5Gi': 1.5 * 1024 ** 3,
    '2M': 2_000_000,
    '1Ti': 1024 ** 4,
    '1E': 1e18,
    '0.1': 1,
    '0': undefined,
    '0Gi': undefined,
    '': undefined,
    '-1Gi': undefined,
    '1K': undefined,
    '1ki': undefined,
    '1GB': undefined,
    '1 Gi': undefined,
    '.5Gi': undefined,
    '1.Gi': undefined,
    Gi: undefined,
    NaN: undefined,
  };
  for (const [text, bytes] of Object.entries(quantities)) {
    test(text || 'empty', () => assert.equal(parseQuantity(text), bytes));
  }
});

describe('formatted bytes have at most three digits and a unit', () => {
  const sizes: [number, string][] = [
    [0, '0'],
    [1, '1'],
    [1023, '1023'],
    [1024, '1Ki'],
    [1536, '1.5Ki'],
    [10 * 1024, '10Ki'],
    [1024 ** 2, '1Mi'],
    [3.42 * 1024 ** 3, '3.4Gi'],
    [123 * 1024 ** 3, '123Gi'],
    [2 * 1024 ** 4, '2Ti'],
    [1024 ** 6, '1Ei'],
    [4096 * 1024 ** 6, '4096Ei'],
  ];
  for (const [bytes, text] of sizes) test(text, () => assert.equal(formatBytes(bytes), text));
});
