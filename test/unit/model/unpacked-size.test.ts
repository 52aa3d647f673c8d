import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { CLAIM_BYTES, readClaim, unpackedSize } from '../../../src/model/unpacked-size.ts';
import { RUNS } from '../../harness/fuzz.ts';

const GZIP = 'application/vnd.oci.image.layer.v1.tar+gzip';
const GIBIBYTE = 1024 ** 3;

const endOf = (blob: Buffer) => readClaim(blob.subarray(-CLAIM_BYTES));

test('a gzip file claims the size before compression', () => {
  const contents = fc.oneof(
    fc.uint8Array({ maxLength: 2000 }),
    fc.integer({ min: 0, max: 100_000 }).map((size) => new Uint8Array(size)),
  );
  const check = fc.property(contents, (data) => {
    const blob = gzipSync(data);
    const size = unpackedSize({ mediaType: GZIP, size: blob.length }, endOf(blob));
    if (data.length >= blob.length) assert.equal(size, data.length);
    else assert.ok(size <= 3 * blob.length);
  });
  fc.assert(check, { numRuns: RUNS / 5 });
});

test('an end that is too short claims nothing', () => assert.equal(readClaim(Buffer.alloc(3)), undefined));

describe('what a layer unpacks to', () => {
  const cases: [what: string, mediaType: string, size: number, claim: number | undefined, unpacked: number][] = [
    ['as it claims', GZIP, 1000, 2500, 2500],
    ['as docker calls it', 'application/vnd.docker.image.rootfs.diff.tar.gzip', 1000, 2500, 2500],
    ['zeros, as they claim', GZIP, 1000, 1_000_000, 1_000_000],
    ['as usual if it claims nothing', GZIP, 1000, undefined, 3000],
    ['as usual if it claims less than it has, as the last of several parts does', GZIP, 1000, 0, 3000],
    ['as usual if it claims more than gzip can compress', GZIP, 1000, 2_000_000, 3000],
    ['as usual if it is not gzip', 'application/vnd.oci.image.layer.v1.tar+zstd', 1000, 2500, 3000],
    ['as large as it is if it is not compressed', 'application/vnd.oci.image.layer.v1.tar', 1000, 2500, 1000],
    ['beyond 4 GiB, of what the claim allows the most usual', GZIP, 2 * GIBIBYTE, GIBIBYTE, 5 * GIBIBYTE],
    ['beyond 8 GiB', GZIP, 3 * GIBIBYTE, GIBIBYTE / 2, 8.5 * GIBIBYTE],
    ['beyond 4 GiB, and barely compressed', GZIP, 3.9 * GIBIBYTE, 3.95 * GIBIBYTE, 11.95 * GIBIBYTE],
  ];
  for (const [what, mediaType, size, claim, unpacked] of cases) {
    test(what, () => assert.equal(unpackedSize({ mediaType, size }, claim), unpacked));
  }

  test('whatever it claims, at most what gzip can do, and never less than its blob', () => {
    const size = fc.integer({ min: 1, max: 2 ** 42 });
    const check = fc.property(size, fc.integer({ min: 0, max: 2 ** 32 - 1 }), (bytes, claim) => {
      const unpacked = unpackedSize({ mediaType: GZIP, size: bytes }, claim);
      assert.ok(unpacked >= bytes * 0.99);
      assert.ok(unpacked <= bytes * 1032);
    });
    fc.assert(check, { numRuns: RUNS });
  });
});
