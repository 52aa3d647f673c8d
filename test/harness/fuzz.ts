import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { PreloadError } from '../../src/model/errors.ts';
import { plain } from '../../src/model/parse.ts';
import { mutate, mutation } from './mutations.ts';
import { repetitions } from './repetitions.ts';

export const RUNS = repetitions(20_000, 1000);

const ACCEPTED = 0.3; // of the mutated documents, so that the first check does not reject them all

/**
 * Asserts that `check` accepts the valid document, and each of many mutated ones or throws an error of ours. It parses a
 * document and checks what comes out.
 */
export const fuzz = (
  t: TestContext,
  valid: unknown,
  check: (document: unknown) => void,
  isOurs = (error: unknown): boolean => error instanceof PreloadError,
): void => {
  check(valid);
  let accepted = 0;
  let runs = 0;
  const attempt = (document: unknown): void => {
    runs += 1;
    try {
      check(document);
      accepted += 1;
    } catch (error) {
      assert.ok(isOurs(error), `${error}`);
      assert.equal(plain((error as Error).message), (error as Error).message);
    }
  };
  const mutated = fc.array(mutation, { minLength: 1, maxLength: 3 }).map((mutations) => mutate(valid, mutations));
  fc.assert(fc.property(mutated, attempt), { numRuns: RUNS });
  t.diagnostic(`${runs} documents, ${Math.round((accepted / runs) * 100)} % accepted`);
  assert.ok(accepted / runs >= ACCEPTED, `${accepted} of ${runs}`);
};
