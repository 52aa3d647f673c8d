import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { isNear, lookupFar, NEAR_ADDRESS } from '../../../src/registry/near.ts';

describe('addresses of the node itself and of its cloud', () => {
  for (const [host, near] of [
    ['169.254.169.254', true],
    ['169.254.169.254.', true],
    ['2852039166', true],
    ['0xa9fea9fe', true],
    ['[::ffff:169.254.169.254]', true],
    ['[fd00:ec2::254]', true],
    ['[fd20:ce::254]', true],
    ['[fe80::1]', true],
    ['[::1]', true],
    ['[::]', true],
    ['127.1', true],
    ['0', true],
    ['168.63.129.16', true],
    ['100.100.100.200', true],
    ['localhost', true],
    ['localhost.', true],
    ['a.localhost', true],
    ['localhost.example.com', false],
    ['notlocalhost', false],
    ['10.1.2.3', false],
    ['192.168.1.1', false],
    ['[fd00::1]', false],
    ['[2001:db8::1]', false],
    ['registry.example.com', false],
  ] as const) {
    const { hostname } = new URL(`http://${host}`);
    test(`${host} is ${near ? 'near' : 'far'}`, () => assert.equal(isNear(hostname), near));
  }

  const resolve = promisify(lookupFar);
  for (const all of [true, false]) {
    test(`no name resolves to a near address, ${all ? 'all addresses' : 'one address'}`, async () => {
      await assert.rejects(resolve('localhost', { all }), { code: NEAR_ADDRESS });
    });
  }
  test('others are resolved', async () => {
    assert.deepEqual(await resolve('10.1.2.3', { all: true }), [{ address: '10.1.2.3', family: 4 }]);
    assert.equal(await resolve('10.1.2.3', { all: false }), '10.1.2.3');
    await assert.rejects(resolve('registry.invalid', {}), { code: /ENOTFOUND|EAI_AGAIN/ });
  });
});
