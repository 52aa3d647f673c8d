import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { proxyFor } from '../../../src/net/proxy.ts';

describe('the proxy that Go programs use', () => {
  const environment = { HTTP_PROXY: 'plain.test:3128', https_proxy: 'http://secure.test:3128' };
  const proxy = (url: string, noProxy = '') => proxyFor(new URL(url), { ...environment, NO_PROXY: noProxy });

  test('by protocol', () => {
    assert.equal(proxy('http://r.test/'), 'http://plain.test:3128');
    assert.equal(proxy('https://r.test/'), 'http://secure.test:3128');
    assert.equal(proxyFor(new URL('https://r.test'), {}), undefined);
  });

  for (const proxy of ['https://p.test', 'socks5://p.test', 'socks5h://p.test']) {
    test(proxy, () => assert.equal(proxyFor(new URL('https://r.test'), { HTTPS_PROXY: proxy }), proxy));
  }

  for (const [url, noProxy, direct] of [
    ['https://localhost:5000', '', true],
    ['https://127.1.2.3:5000', '', true],
    ['https://[::1]:5000', '', true],
    ['https://r.test', 'other.test', false],
    ['https://r.test', '*', true],
    ['https://r.test', 'r.test', true],
    ['https://r.test', ' R.test ,other', true],
    ['https://a.r.test', 'r.test', true],
    ['https://ar.test', 'r.test', false],
    ['https://r.test', '.r.test', false],
    ['https://a.r.test', '.r.test', true],
    ['https://a.r.test', '*.r.test', true],
    ['https://r.test:5000', 'r.test:5000', true],
    ['https://r.test', 'r.test:5000', false],
    ['https://r.test', 'r.test:443', true],
    ['https://10.1.2.3', '10.0.0.0/8', true],
    ['https://11.1.2.3', '10.0.0.0/8', false],
    ['https://10.1.2.3', '10.1.2.3', true],
    ['https://[fd00::1]', 'fd00::/8', true],
    ['https://[fd00::1]', 'fd00::1', true],
    ['https://[fd00::1]:5000', '[fd00::1]:5000', true],
    ['https://10.1.2.3', 'fd00::/8', false],
    ['https://10.1.2.3', '10.0.0.0/99', false],
    ['https://r.test', '', false],
  ] as const) {
    test(`${url} with NO_PROXY=${noProxy}: ${direct ? 'none' : 'one'}`, () => {
      assert.equal(proxy(url, noProxy) === undefined, direct);
    });
  }
});
