import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isDigest } from '../../../src/model/oci.ts';
import {
  parseDeeperLayers,
  parseForeignNames,
  parseImageTable,
  parseLowerDirectories,
  parseUpperDirectory,
  parseUsageTable,
} from '../../../src/node/containerd.ts';
import { RUNS } from '../../harness/fuzz.ts';

// All tables are what the real programs print, shortened.
const DIGEST = 'sha256:2d747da13c6b260e1917d8dfb8cab96fbbb1f1ee86067b0df482e648d81d1574';
const OTHER = `sha256:${'b'.repeat(64)}`;
const COLUMNS = `application/vnd.oci.image.manifest.v1+json ${DIGEST} 31.0 KiB linux/amd64`;
const IMAGES = `REF                                     TYPE                                       DIGEST                                                                  SIZE     PLATFORMS   LABELS                              
docker.io/library/sample:1              ${COLUMNS} io.cri-containerd.image=managed,x=y 
registry.example.com:5000/team/sample:1 ${COLUMNS} -                                   
sha256:83ef108cc0ef08d17272324421a3be90 ${COLUMNS} -                                   
`;

test('the images that `ctr images ls` lists, without the IDs among the names', () => {
  assert.deepEqual(
    [...parseImageTable(IMAGES)],
    [
      ['docker.io/library/sample:1', DIGEST],
      ['registry.example.com:5000/team/sample:1', DIGEST],
    ],
  );
});

const USAGE = `KEY                                                                     SIZE    INODES  
${DIGEST} 2080768 13      
9f0c0b6ab0d0 4096    1       
preload-export-${DIGEST} 4096    1       
`;

test('the layers that `ctr snapshots usage -b` lists, without the containers', () => {
  assert.deepEqual([...parseUsageTable(USAGE)], [[DIGEST, { bytes: 2080768, inodes: 13 }]]);
});

test('the layers that stand on others in what `ctr snapshots ls` lists', () => {
  const on = (key: string, parent: string, kind: string) => `${key} ${parent} ${kind}\n`;
  const table = [
    'KEY PARENT KIND      \n',
    on(DIGEST, '', 'Committed '),
    on(OTHER, DIGEST, 'Committed '),
    on('9f0c0b6ab0d0', OTHER, 'Active    '),
  ].join('');
  assert.deepEqual([...parseDeeperLayers(table)], [OTHER]);
});

test('images without a SHA-256 digest are listed by name', () => {
  const strong = `r.io/strong:1 application/vnd.oci.image.manifest.v1+json sha512:${'a'.repeat(128)} 31.0 KiB`;
  assert.deepEqual(parseForeignNames(`${IMAGES}${strong}\n`), ['r.io/strong:1']);
  assert.deepEqual(parseForeignNames(IMAGES), []);
});

test('whatever a table contains, only digests and whole numbers of bytes come out', () => {
  const words = [
    'sha256:',
    DIGEST,
    OTHER,
    '7',
    '9'.repeat(30),
    '-1',
    '\t',
    ' ',
    '\n',
    '\u001b[2J',
    'Committed',
    '../..',
  ];
  const tables = fc.array(fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 3 })), { maxLength: 40 });
  fc.assert(
    fc.property(
      tables.map((table) => table.join('')),
      (table) => {
        for (const digest of parseImageTable(table).values()) assert.ok(isDigest(digest));
        for (const [digest, { bytes, inodes }] of parseUsageTable(table))
          assert.ok(isDigest(digest) && Number.isSafeInteger(bytes) && Number.isSafeInteger(inodes));
        for (const digest of parseDeeperLayers(table)) assert.ok(isDigest(digest));
      },
    ),
    { numRuns: RUNS },
  );
});

test('an empty store', () => {
  assert.equal(parseImageTable('REF TYPE DIGEST SIZE PLATFORMS LABELS \n').size, 0);
  assert.equal(parseImageTable('').size, 0);
});

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
  test('in an overlay mount', () => {
    assert.equal(parseUpperDirectory(`mount -t overlay overlay / -o index=off,${own},${lower}\n`), `${SNAPSHOTS}/4/fs`);
  });
  test('in a bind mount, if there are no layers below', () => {
    assert.equal(parseUpperDirectory(`mount -t bind ${SNAPSHOTS}/1/fs / -o rw,rbind\n`), `${SNAPSHOTS}/1/fs`);
  });
  test('none in other text', () => assert.equal(parseUpperDirectory('time="…" level=warning\n'), undefined));
});
