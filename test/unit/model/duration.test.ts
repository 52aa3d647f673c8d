import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatAge, parseDuration } from '../../../src/model/units.ts';

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
