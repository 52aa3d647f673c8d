import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import yargs from 'yargs';
import { podFlags, podSettings } from '../../../src/commands/pod-flags.ts';

const parse = (...argv: string[]) => podSettings(podFlags(yargs(argv).fail(false)).parseSync());

describe('tolerations', () => {
  for (const [taint, expected] of Object.entries({
    'dedicated=ci:NoSchedule': { key: 'dedicated', operator: 'Equal', value: 'ci', effect: 'NoSchedule' },
    'dedicated=:NoExecute': { key: 'dedicated', operator: 'Equal', value: '', effect: 'NoExecute' },
    'node.example.com/gpu:NoSchedule': { key: 'node.example.com/gpu', operator: 'Exists', effect: 'NoSchedule' },
    gpu: { key: 'gpu', operator: 'Exists' },
  })) {
    test(taint, () => assert.deepEqual(parse('--toleration', taint).tolerations, [expected]));
  }
  for (const taint of ['', ':NoSchedule', '=ci:NoSchedule', 'a=b:Sometimes', 'a b', 'a=b=c']) {
    test(`not "${taint}"`, () =>
      assert.throws(() => parse('--toleration', taint), {
        message: `invalid argument "${taint}" for "--toleration": must be a taint such as dedicated=ci:NoSchedule`,
      }));
  }
  test('several', () => assert.equal(parse('--toleration', 'a', '--toleration', 'b').tolerations.length, 2));
});

describe('resources', () => {
  test('a list', () => {
    assert.deepEqual(parse('--requests', 'cpu=100m,memory=256Mi').requests, { cpu: '100m', memory: '256Mi' });
    assert.deepEqual(parse('--limits=cpu=1.5,example.com/fuse=1').limits, { cpu: '1.5', 'example.com/fuse': '1' });
  });
  test('none by default', () => assert.deepEqual([parse().requests, parse().limits], [{}, {}]));
  for (const list of ['cpu', 'cpu=', '=1', 'cpu=x', 'cpu=1,', 'cpu=1 memory=1Gi']) {
    test(`not "${list}"`, () =>
      assert.throws(() => parse('--limits', list), {
        message: new RegExp(`^invalid argument "${list}" for "--limits"`),
      }));
  }
});
