import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'smol-toml';
import { isDigest } from '../../../src/model/oci.ts';
import {
  parseConfig,
  parseDeeperLayers,
  parseForeignNames,
  parseImageTable,
  parseLowerDirectories,
  parseUpperDirectory,
  parseUsageTable,
} from '../../../src/node/containerd.ts';
import { fuzz, RUNS } from '../../harness/fuzz.ts';

// All texts are what the real programs print, shortened.
const CONTAINERD_1 = `version = 2
root = "/data/containerd"

  [plugins."io.containerd.grpc.v1.cri"]
    netns_mounts_under_state_dir = false
    restrict_oom_score_adj = false
    sandbox_image = "registry.example.com:5000/pause:3.9"
    selinux_category_range = 1024

        [plugins."io.containerd.grpc.v1.cri".containerd.default_runtime]
          sandbox_mode = ""
`;

const CONTAINERD_2 = `version = 4

[plugins]
  [plugins.'io.containerd.cri.v1.images']
    snapshotter = 'overlayfs'

    [plugins.'io.containerd.cri.v1.images'.pinned_images]
      sandbox = 'registry.k8s.io/pause:3.10.2'

    [plugins.'io.containerd.cri.v1.images'.registry]
      config_path = '/etc/containerd/certs.d:/etc/docker/certs.d'

        [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
          sandboxer = 'podsandbox'
`;

const MORE_PINNED = CONTAINERD_2.replace('      sandbox =', "      proxy = 'r.io/proxy:1'\n      sandbox =");
const NOTHING_PINNED = CONTAINERD_2.replace(/ +sandbox = .*\n/, '');

describe('the sandbox image in the output of `containerd config dump`', () => {
  const dumps: Record<string, [string, string | undefined]> = {
    '1.6 and 1.7': [CONTAINERD_1, 'registry.example.com:5000/pause:3.9'],
    '2.4': [CONTAINERD_2, 'registry.k8s.io/pause:3.10.2'],
    '2.4, pinning other images too': [MORE_PINNED, 'registry.k8s.io/pause:3.10.2'],
    '2.4, pinning nothing': [NOTHING_PINNED, undefined],
    nothing: ['', undefined],
  };
  for (const [version, [dump, image]] of Object.entries(dumps)) {
    test(version, () => assert.equal(parseConfig(dump).sandbox, image));
  }
});

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

test('the folders of the content store and of registry hosts', () => {
  assert.equal(parseConfig(CONTAINERD_1).root, '/data/containerd');
  assert.equal(parseConfig('').root, '/var/lib/containerd');
  assert.deepEqual(parseConfig(CONTAINERD_2).certsFolders, ['/etc/containerd/certs.d', '/etc/docker/certs.d']);
  assert.deepEqual(parseConfig(CONTAINERD_1).certsFolders, []);
});

const USAGE = `KEY                                                                     SIZE    INODES  
${DIGEST} 2080768 13      
9f0c0b6ab0d0 4096    1       
preload-export-${DIGEST} 4096    1       
`;

test('the layers that `ctr snapshots usage -b` lists, without the containers', () => {
  assert.deepEqual([...parseUsageTable(USAGE)], [[DIGEST, 2080768]]);
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
        for (const [digest, bytes] of parseUsageTable(table))
          assert.ok(isDigest(digest) && Number.isSafeInteger(bytes));
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

/** TOML text, or undefined for what TOML cannot express. */
const tomlOf = (config: unknown): string | undefined => {
  try {
    return stringify(config);
  } catch {
    return undefined;
  }
};

test('whatever containerd dumps, its settings are lines of text', (t) => {
  const cri = { sandbox_image: 'r.test/pause:3', registry: { config_path: '/a:/b' }, other: { a: [1, 2] } };
  const plugins = { 'io.containerd.grpc.v1.cri': cri, 'io.containerd.cri.v1.images': cri };
  fuzz(t, { version: 2, root: '/r', plugins }, (config) => {
    const text = tomlOf(config);
    if (text === undefined) return;
    const { root, sandbox = '', certsFolders } = parseConfig(text);
    for (const line of [root, sandbox, ...certsFolders]) assert.match(line, /^.*$/);
  });
});
