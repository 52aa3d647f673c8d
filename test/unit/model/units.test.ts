import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatAge, formatBytes, parseDuration, parseQuantity } from '../../../src/model/units.ts';

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

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('durations are written as in Go', () => {
  const durations: Record<string, number | undefined> = {
    '90s': 90 * SECOND,
    '30m': 30 * MINUTE,
    '1h30m': 90 * MINUTE,
    '1.5h': 90 * MINUTE,
    '500ms': 500,
    '1m30s500ms': 90_500,
    '0s': undefined,
    '0': undefined,
    '10': undefined,
    '': undefined,
    '-5m': undefined,
    '5 m': undefined,
    '1d': undefined,
    m: undefined,
    '1m2': undefined,
    soon: undefined,
  };
  for (const [text, ms] of Object.entries(durations)) {
    test(text || 'empty', () => assert.equal(parseDuration(text), ms));
  }
});

describe('ages are printed as kubectl does', () => {
  const ages: [number, string][] = [
    [-5 * SECOND, '0s'],
    [0, '0s'],
    [999, '0s'],
    [41 * SECOND, '41s'],
    [119 * SECOND, '119s'],
    [2 * MINUTE, '2m'],
    [5 * MINUTE + 12 * SECOND, '5m12s'],
    [10 * MINUTE + 30 * SECOND, '10m'],
    [179 * MINUTE, '179m'],
    [3 * HOUR, '3h'],
    [47 * HOUR, '47h'],
    [2 * DAY, '2d'],
    [400 * DAY, '400d'],
  ];
  for (const [ms, text] of ages) test(text, () => assert.equal(formatAge(ms), text));
});
