import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseLowerDirectories, parseUpperDirectory } from '../../../src/node/containerd.ts';

const SNAPSHOTS = '/mnt/.work/root/io.containerd.snapshotter.v1.overlayfs/snapshots';
const own = `workdir=${SNAPSHOTS}/4/work,upperdir=${SNAPSHOTS}/4/fs`;
const lower = `lowerdir=${SNAPSHOTS}/3/fs:${SNAPSHOTS}/2/fs:${SNAPSHOTS}/1/fs`;

describe('layers in the mount command of `ctr snapshots prepare --target`, base first', () => {
  const commands: Record<string, [string, string[]]> = {
    '1.6 and 1.7': [
      `mount -t overlay overlay / -o index=off,${own},${lower}\n`,
      [`${SNAPSHOTS}/1/fs`, `${SNAPSHOTS}/2/fs`, `${SNAPSHOTS}/3/fs`],
    ],
    '2.4': [
      `mount -t overlay overlay / -o ${own},${lower},index=off\n`,
      [`${SNAPSHOTS}/1/fs`, `${SNAPSHOTS}/2/fs`, `${SNAPSHOTS}/3/fs`],
    ],
    'one layer': [`mount -t overlay overlay / -o ${own},lowerdir=${SNAPSHOTS}/1/fs\n`, [`${SNAPSHOTS}/1/fs`]],
    'no layer': [`mount -t bind ${SNAPSHOTS}/1/fs / -o rw,rbind\n`, []],
  };
  for (const [what, [command, folders]] of Object.entries(commands)) {
    test(what, () => assert.deepEqual(parseLowerDirectories(command), folders));
  }
});

describe('the writable folder in the same command', () => {
  test('beside the layers below it', () => {
    assert.equal(parseUpperDirectory(`mount -t overlay overlay / -o index=off,${own},${lower}\n`), `${SNAPSHOTS}/4/fs`);
  });
  test('bound where nothing is below it', () => {
    assert.equal(parseUpperDirectory(`mount -t bind ${SNAPSHOTS}/1/fs / -o rw,rbind\n`), `${SNAPSHOTS}/1/fs`);
  });
  test('none in another text', () => assert.equal(parseUpperDirectory('time="…" level=warning\n'), undefined));
});
