import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseLowerSnapshots, parseParents, parseTasks } from '../../../src/node/containers.ts';

// All texts are what the real programs and kernels print, shortened.
const [top, base] = ['a', 'b'].map((digit) => `sha256:${digit.repeat(64)}`);

test('the containers that `ctr tasks ls` lists as running', () => {
  const table = `TASK                PID      STATUS    
0f3c9d4b7a         4711     RUNNING
stopped            4712     STOPPED
created            0        CREATED
hostile            /etc     RUNNING
`;
  assert.deepEqual([...parseTasks(table)], [['0f3c9d4b7a', '4711']]);
});

test('the parents that `ctr snapshots ls` lists', () => {
  const table = `KEY                      PARENT                   KIND      
0f3c9d4b7a               ${top} Active    
${top} ${base} Committed 
${base}                          Committed 
view                     ${top} View      
`;
  assert.deepEqual(
    [...parseParents(table)],
    [
      ['0f3c9d4b7a', top],
      [top, base],
    ],
  );
});

const mounts = (options: string) => `1519 1318 0:325 / / rw,relatime master:501 - overlay overlay rw,${options}
1520 1519 0:327 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
1521 1519 0:328 / /data rw - overlay overlay rw,lowerdir=/other/snapshots/9/fs,upperdir=/u,workdir=/w
`;

test('the layers of a container, the top one first', () => {
  const folder = '/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots';
  const upper = `upperdir=${folder}/12/fs,workdir=${folder}/12/work`;
  assert.deepEqual(parseLowerSnapshots(mounts(`lowerdir=${folder}/7/fs:${folder}/3/fs,${upper}`)), ['7', '3']);
  assert.deepEqual(parseLowerSnapshots(mounts(`lowerdir=7/fs:3/fs,${upper}`)), ['7', '3'], 'very many layers');
  assert.deepEqual(
    parseLowerSnapshots(mounts(`lowerdir+=${folder}/7/fs,lowerdir+=${folder}/3/fs,${upper}`)),
    ['7', '3'],
    'mounted by fsconfig',
  );
});

test('a root that is something else has no layers', () => {
  assert.deepEqual(parseLowerSnapshots('22 1 259:2 / / rw,relatime shared:1 - ext4 /dev/root rw\n'), []);
  assert.deepEqual(parseLowerSnapshots(mounts('lowerdir=/tmp/x:/snapshots/../fs')), ['', '']);
  assert.deepEqual(parseLowerSnapshots(''), []);
});
