import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isPassing, newWeather, persist, UNTIL_DEADLINE } from '../../../src/cluster/weather.ts';
import { AnswerTimeout, ApiError, BrokenAnswer, PreloadError, Unauthorized } from '../../../src/model/errors.ts';

const answer = (code: number, message = '', reason = '') => new ApiError(code, reason, message);

describe('a request may succeed later after', () => {
  const cases: Record<string, [error: Error, passes: boolean]> = {
    'a refused connection': [answer(0, 'refused'), true],
    'half an answer': [new BrokenAnswer('terminated'), true],
    'no answer in time': [new AnswerTimeout('late'), true],
    'too many requests': [answer(429), true],
    'a bad gateway': [answer(502), true],
    'an unavailable server': [answer(503), true],
    'a gateway that waited in vain': [answer(504), true],
    'another leader of etcd': [answer(500, 'etcdserver: leader changed'), true],
    'a slow etcd': [answer(500, 'etcdserver: request timed out, possibly due to connection lost'), true],
    'a lost etcd': [answer(500, 'rpc error: code = Unavailable desc = transport is closing'), true],
    'a full etcd: no': [answer(500, 'etcdserver: mvcc: database space exceeded'), false],
    'a webhook that fails: no': [answer(500, 'failed calling webhook "x"', 'InternalError'), false],
    'a refusal: no': [answer(403, '', 'Forbidden'), false],
    'a missing object: no': [answer(404, '', 'NotFound'), false],
    'a list that expired: no': [answer(410, '', 'Expired'), false],
    'wrong credentials: no': [new Unauthorized('wrong'), false],
    'anything else: no': [new PreloadError('wrong'), false],
  };
  for (const [what, [error, passes]] of Object.entries(cases)) test(what, () => assert.equal(isPassing(error), passes));
});

describe('a server that has never answered is not waited for if', () => {
  const cases: Record<string, [error: Error, tries: number]> = {
    'it refuses connections': [answer(0, 'refused'), 1],
    'it does not answer in time': [new AnswerTimeout('late'), 1],
    'the connection breaks: that is worth a few tries': [new BrokenAnswer('terminated'), 3],
  };
  for (const [what, [error, tries]] of Object.entries(cases)) {
    test(what, async () => {
      let count = 0;
      const server = { weather: newWeather(UNTIL_DEADLINE), warn: () => {} };
      const attempt = async () => {
        count += 1;
        if (count < 3) throw error;
      };
      await persist(server, undefined, attempt).catch((thrown) => assert.equal(thrown, error));
      assert.equal(count, tries);
    });
  }
});
