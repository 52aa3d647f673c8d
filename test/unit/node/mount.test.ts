import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { canHoldLayers, findMount, mountOf, mountsBelow } from '../../../src/node/mount.ts';

const MOUNTINFO = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /proc rw,nosuid - proc proc rw
30 22 7:3 / /snapshot rw,relatime shared:2 master:1 - ext4 /dev/loop3 rw,errors=continue
31 22 7:4 /sub /data ro,relatime - xfs /dev/loop4 rw,attr2
32 22 0:40 / /twice rw - tmpfs tmpfs rw
33 32 7:5 / /twice rw - ext4 /dev/loop5 ro
34 22 7:6 / /with\\040blank rw - ext4 /dev/loop6 rw
`;

describe('a mount is found by its target', () => {
  const cases: Record<string, [target: string, type: string, source: string, number: string, superOptions: string[]]> =
    {
      'with optional fields': ['/snapshot', 'ext4', '/dev/loop3', '7:3', ['rw', 'errors=continue']],
      without: ['/proc', 'proc', 'proc', '0:21', ['rw']],
      'read-only here, although the filesystem is not': ['/data', 'xfs', '/dev/loop4', '7:4', ['rw', 'attr2']],
      'the uppermost of two': ['/twice', 'ext4', '/dev/loop5', '7:5', ['ro']],
    };
  for (const [what, [target, type, source, number, superOptions]] of Object.entries(cases)) {
    test(what, () => assert.deepEqual(findMount(MOUNTINFO, target), { target, type, source, number, superOptions }));
  }
  test('not mounted', () => assert.equal(findMount(MOUNTINFO, '/snap'), undefined));
});

test('mounts below a folder are in the order in which they can be unmounted', () => {
  const mountinfo = `${MOUNTINFO}35 22 0:41 / /data/deep rw - tmpfs tmpfs rw\n36 35 0:42 / /data/deep/er rw - tmpfs tmpfs rw\n`;
  assert.deepEqual(mountsBelow(mountinfo, '/data'), ['/data/deep/er', '/data/deep']);
});

test("this machine's root is mounted", async () => assert.equal((await mountOf('/'))?.target, '/'));

// not on this machine, whose kernel may lack them: lines of /proc/self/mountinfo from their documentation
const SHARED = `40 22 0:50 / /nfs rw,relatime - nfs4 server:/export rw,vers=4.2,addr=10.0.0.5
41 22 0:51 / /cephfs rw,relatime - ceph 10.0.0.6:6789:/volumes rw,name=csi
42 22 0:52 / /s3 rw,nosuid - fuse.s3fs s3fs rw,user_id=0
43 22 253:1 / /luks rw,relatime - ext4 /dev/mapper/luks-3f6a rw
`;

describe('a shared filesystem cannot hold layers', () => {
  for (const [target, expected] of Object.entries({ '/nfs': false, '/cephfs': false, '/s3': false, '/luks': true })) {
    test(target, () => assert.equal(canHoldLayers(findMount(SHARED, target)?.type ?? ''), expected));
  }
});
