import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isKept, whyInUse } from '../../../src/model/left-run.ts';
import { DEADLINE_ANNOTATION } from '../../../src/model/names.ts';

const NOW = Date.parse('2026-11-27T12:00:00Z');
const HOUR = 3600 * 1000;

const object = (deadline?: string, creationTimestamp = '2026-11-27T11:00:00Z', state?: object) => ({
  metadata: {
    ...{ name: 'preload-web', creationTimestamp, finalizers: [], ownerReferences: [] },
    ...(deadline && { annotations: { [DEADLINE_ANNOTATION]: deadline } }),
  },
  ...(state && { state: { spec: { nodeName: 'worker' }, ...state } }),
});

const PAST = '2026-11-27T11:59:59Z';

describe('a run is in use', () => {
  const cases: Record<string, [objects: ReturnType<typeof object>[], reason: RegExp | undefined]> = {
    'not after its deadline': [[object(PAST), object('2026-11-27T11:00:00+01:00')], undefined],
    'until its latest deadline': [
      [object(PAST), object('2026-11-27T13:00:00Z')],
      /^its run may go on until 2026-11-27T13:00:00Z$/,
    ],
    'for a day if it wrote no deadline': [[object()], /until 2026-11-28T11:00:00Z$/],
    'for a day if its deadline is no time': [[object('tomorrow')], /until 2026-11-28T11:00:00Z$/],
    'not longer than a day without a deadline': [[object(undefined, '2026-11-26T11:59:59Z')], undefined],
    'not if nobody knows when it began': [[object(undefined, 'long ago')], undefined],
    'while its pod runs': [
      [object(PAST, undefined, { status: { phase: 'Running' } })],
      /^pod\/preload-web has not ended$/,
    ],
    'while its pod starts on a node': [[object(PAST, undefined, { status: { phase: 'Pending' } })], /has not ended$/],
    'while its pod has no status yet': [[object(PAST, undefined, {})], /has not ended$/],
    'not once its pod has ended': [[object(PAST, undefined, { status: { phase: 'Failed' } })], undefined],
    'not if its pod never got a node': [
      [object(PAST, undefined, { spec: {}, status: { phase: 'Pending' } })],
      undefined,
    ],
    'not if nothing is left': [[], undefined],
  };
  for (const [title, [objects, reason]] of Object.entries(cases)) {
    test(title, () => {
      const found = whyInUse(objects, NOW);
      if (reason) assert.match(found ?? '', reason);
      else assert.equal(found, undefined);
    });
  }
});

test('a run with --keep is recognized, and its objects are in use as long as without a deadline', () => {
  assert.equal(isKept([object(PAST), object('never')]), true);
  assert.equal(isKept([object(PAST), object()]), false);
  assert.match(whyInUse([object('never')], NOW) ?? '', /2026-11-28/);
  assert.equal(whyInUse([object('never')], NOW + 24 * HOUR), undefined);
});
