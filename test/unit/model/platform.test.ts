import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { acceptedPlatforms, parsePlatform, platformName } from '../../../src/model/platform.ts';

describe('a platform has one name, however it is spelled', () => {
  const spellings: [string, string][] = [
    ['linux/x86_64', 'linux/amd64'],
    ['Linux/AMD64', 'linux/amd64'],
    ['linux/amd64/v1', 'linux/amd64'],
    ['linux/amd64/v3', 'linux/amd64/v3'],
    ['linux/i386', 'linux/386'],
    ['linux/aarch64', 'linux/arm64'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm64/8', 'linux/arm64'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/arm/6', 'linux/arm/v6'],
    ['linux/armhf', 'linux/arm/v7'],
    ['linux/armel', 'linux/arm/v6'],
    ['/amd64', 'linux/amd64'],
    ['windows/amd64', 'windows/amd64'],
    ['linux/riscv64', 'linux/riscv64'],
  ];
  for (const [spelling, name] of spellings) {
    test(spelling, () => assert.equal(platformName(parsePlatform(spelling)), name));
  }
});

describe("a node runs images of these platforms, in containerd's order", () => {
  const arm = ['linux/arm/v8', 'linux/arm/v7', 'linux/arm/v6', 'linux/arm/v5'];
  const platforms: [string, string[]][] = [
    ['linux/amd64', ['linux/amd64', 'linux/386']],
    ['linux/amd64/v3', ['linux/amd64/v3', 'linux/amd64/v2', 'linux/amd64', 'linux/386']],
    ['linux/arm64', ['linux/arm64', ...arm]],
    ['linux/arm/v6', ['linux/arm/v6', 'linux/arm/v5']],
    ['linux/arm', ['linux/arm/v7', 'linux/arm/v6', 'linux/arm/v5']],
    ['linux/s390x', ['linux/s390x']],
    ['linux/arm/vX', ['linux/arm/vx']],
  ];
  for (const [name, accepted] of platforms) test(name, () => assert.deepEqual(acceptedPlatforms(name), accepted));
});
