import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { describePreload } from '../../../../src/commands/status/describe.ts';
import type { PreloadSummary } from '../../../../src/model/summary.ts';
import { digest } from '../../../harness/captured-images.ts';

const NOW = Date.parse('2026-11-24T12:00:00Z');
const ESCAPE = '\u001b';

const preload = (fields: Partial<PreloadSummary>): PreloadSummary => ({
  ...{ name: 'web', namespace: 'shop', phase: 'Ready', created: '2026-11-24T11:00:00Z' },
  ...fields,
});

const needed = (index: number) => ({ name: `r.io/${String(index).padStart(2, '0')}:1`, users: [], pods: 0 });

describe('one preload in full', () => {
  test('with the reason while it has no snapshot', () => {
    const text = describePreload(preload({ phase: 'Capturing', reason: 'Capturing 1/2 images' }), NOW);
    assert.equal(
      text,
      `Name:          web
Namespace:     shop
Ready:         False
Phase:         Capturing
Reason:        Capturing 1/2 images
Snapshot ID:   <none>
Images:        <none>
Created:       60m ago
Coverage:      <none>`,
    );
  });

  test('with the first of long lists, and how many more there are', () => {
    const missing = Array.from({ length: 13 }, (_, index) => needed(index));
    const coverage = { inUse: 13, present: 0, missing, outdated: [], unused: [] };
    const lines = describePreload(preload({ images: [], coverage }), NOW).split('\n');
    assert.equal(lines.filter((line) => line.startsWith('  missing')).length, 11);
    assert.match(lines.at(-1) ?? '', /^ {2}missing +and 3 more +see -o json$/);
  });

  test('without what a terminal would not show as it is', () => {
    const users = [{ kind: 'pod', namespace: 'shop', name: `${ESCAPE}[31m` }];
    const outdated = [{ ...needed(1), users, digest: digest('1'), preloaded: digest('2') }];
    const coverage = { inUse: 1, present: 0, missing: [], outdated, unused: [] };
    const text = describePreload(preload({ phase: 'Failed', reason: `a${ESCAPE}[2J\nb`, images: [], coverage }), NOW);
    assert.ok(!text.includes(ESCAPE));
    assert.match(text, /^Reason: +a\?\[2J\n {15}b$/m);
    assert.match(text, /^ {2}outdated +r\.io\/01:1 +pod\/shop\/\?\[31m, runs sha256:1{12}, not sha256:2{12}$/m);
  });
});
