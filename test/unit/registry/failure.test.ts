import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  combined,
  connectionFailure,
  parseRetryAfter,
  RegistryFailure,
  statusFailure,
} from '../../../src/registry/failure.ts';

test('Retry-After', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  assert.equal(parseRetryAfter('7', now), 7000);
  assert.equal(parseRetryAfter('Thu, 01 Jan 2026 00:00:30 GMT', now), 30_000);
  assert.equal(parseRetryAfter('Wed, 31 Dec 2025 00:00:00 GMT', now), 0);
  for (const header of [undefined, '', 'soon']) assert.equal(parseRetryAfter(header, now), undefined);
});

describe('failures', () => {
  const answered = (status: number, headers = {}) => statusFailure('r.test', 'app/manifests/1', { status, headers });

  for (const [status, kind] of [
    [400, 'final'],
    [404, 'final'],
    [408, 'transient'],
    [429, 'transient'],
    [500, 'transient'],
    [503, 'transient'],
  ] as const) {
    test(`${status} is ${kind}`, () => assert.equal(answered(status).kind, kind));
  }
  test('Retry-After sets the wait', () => assert.equal(answered(429, { 'retry-after': '5' }).waitMs, 5000));

  for (const [code, kind, message] of [
    ['ECONNRESET', 'transient', /^the connection to r\.test failed \(ECONNRESET\)$/],
    ['UND_ERR_BODY_TIMEOUT', 'transient', /^r\.test did not answer in time$/],
    ['EAI_AGAIN', 'transient', /failed/],
    ['ENOTFOUND', 'final', /cannot resolve r\.test/],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'final', /certificate of r\.test is not trusted/],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'final', /not trusted/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'final', /not trusted/],
    ['EPROTO', 'final', /does not support TLS/],
  ] as const) {
    test(code, () => {
      const failure = connectionFailure('r.test', Object.assign(new Error('with a secret'), { code }));
      assert.equal(failure.kind, kind);
      assert.match(failure.message, message);
      assert.equal(failure.cause, undefined);
    });
  }

  test('are short, whatever servers say', () => {
    assert.equal(new RegistryFailure('final', 'x'.repeat(16_000)).message.length, 1000);
  });

  test('never have control characters, whoever wrote them', () => {
    const text = '\u001b]0;title\u0007\u001b[2J\u009b1m\u202e\n';
    for (const { message } of [
      new RegistryFailure('final', text),
      combined([new RegistryFailure('final', text)]),
      connectionFailure(text, Object.assign(new Error(text), { code: text })),
      statusFailure(text, text, { status: 500, headers: {} }),
    ]) {
      assert.match(message, /^[^\p{C}]+$/u);
    }
  });

  test('from a proxy', () => {
    const failure = (status: number) =>
      connectionFailure('r.test', new Error(`Proxy response (${status}) !== 200 when HTTP Tunneling`));
    assert.equal(failure(407).message, "the node's proxy answered 407 for r.test");
    assert.deepEqual([failure(407).kind, failure(502).kind], ['final', 'transient']);
  });

  test('from several hosts', () => {
    const failures = [
      new RegistryFailure('final', 'a has nothing'),
      new RegistryFailure('transient', 'b is busy', 5000),
      new RegistryFailure('corrupt', 'c lies'),
      new RegistryFailure('final', 'a has nothing'),
    ];
    const { kind, message, waitMs } = combined(failures);
    assert.deepEqual([kind, message, waitMs], ['transient', 'a has nothing; b is busy; c lies', 5000]);
    assert.equal(combined(failures.slice(2)).kind, 'corrupt');
    assert.equal(combined(failures.slice(3)).kind, 'final');
  });
});
