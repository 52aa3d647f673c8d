import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { isEncrypted } from '../../../src/node/encryption.ts';

const devices = await mkdtemp(join(tmpdir(), 'preload-devices-'));

/** What the kernel shows of a device: the UUID of a mapping, and what it is on. */
const device = async (number: string, uuid?: string, below: string[] = []): Promise<void> => {
  await mkdir(join(devices, number, 'slaves'), { recursive: true });
  for (const other of below) await symlink(join('../..', other), join(devices, number, 'slaves', other));
  if (uuid === undefined) return;
  await mkdir(join(devices, number, 'dm'));
  await writeFile(join(devices, number, 'dm/uuid'), `${uuid}\n`);
};

before(async () => {
  await device('8:16');
  await device('254:0', 'CRYPT-LUKS2-5f0e1d2c3b4a59687786958493021100-pvc-0a1b', ['8:16']);
  await device('254:1', 'LVM-Vg0a1bLv2c3d', ['8:16']);
  await device('254:2', 'LVM-Vg0a1bLv4e5f', ['254:0']);
});

after(() => rm(devices, { recursive: true }));

describe('fixture: this kernel has no dm-crypt, so its description of devices is made up', () => {
  const cases: Record<string, [number: string, encrypted: boolean]> = {
    'a disk': ['8:16', false],
    'an opened LUKS device': ['254:0', true],
    'LVM on a disk': ['254:1', false],
    'LVM on LUKS': ['254:2', true],
    'a filesystem without a device': ['0:40', false],
  };
  for (const [what, [number, encrypted]] of Object.entries(cases)) {
    test(`${what} is ${encrypted ? '' : 'not '}encrypted`, async () =>
      assert.equal(await isEncrypted(number, devices), encrypted));
  }
});
