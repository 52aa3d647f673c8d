import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { digestLayer } from '../../../src/volume/layer-digest.ts';
import { treeDigester } from '../../../src/volume/tree-digest.ts';
import { ensurePackages } from '../../cluster/machine/apt.ts';
import { digest } from '../../harness/captured-images.ts';

const sh = (folder: string, script: string) => promisify(execFile)('sh', ['-euc', script], { cwd: folder });

const scratch = await mkdtemp(join(tmpdir(), 'preload-trees-'));
const layer = join(scratch, 'layers', 'a'.repeat(64), 'fs');
after(() => rm(scratch, { recursive: true }));

const WRITE = `
  mkdir opaque folder "$(printf 'long%.0s' $(seq 40))"
  printf content >file
  printf 'of another' >owned
  seq 100000 >large
  truncate -s 1M sparse
  ln file hard-link
  ln -s file symlink
  mknod whiteout c 0 0
  mknod null c 1 3
  mkfifo fifo
  printf runs >program
  printf 'Grüße\\n' >"$(printf 'odd \\t\\n\\377 name')"
  printf deep >"$(printf 'long%.0s' $(seq 40))/$(printf 'long%.0s' $(seq 40))"
  chown 1234:4000000002 owned
  chmod 4755 program
  setcap cap_net_raw+ep program
  setfattr -n trusted.overlay.opaque -v y opaque
  setfattr -n user.binary -v 0x00ff0a3d20 file
  find . -exec touch --no-dereference --date='2026-11-24 12:00:00.5 UTC' {} +`;

let original: string;

const write = async () => {
  await rm(layer, { recursive: true, force: true });
  await mkdir(layer, { recursive: true });
  await sh(layer, WRITE);
};
const digestOfTree = async () => (await digestLayer(scratch, digest('a'))).digest;

before(async () => {
  await ensurePackages(['acl', 'attr', 'libcap2-bin'], console.error);
  await write();
  original = await digestOfTree();
});

test('the digest of a tree never changes, so old volumes stay valid', () => {
  assert.equal(original, 'sha256:a666a7703a0fe74209b68c00dfbf8123d64a83e03de80ac1e3db2c08b4f8adc8');
});

test('a copy has the same digest, regardless of the order in which its files were written', async () => {
  await sh(layer, 'cp -a . ../copy && rm -r ../fs && ls -A ../copy | sort -r >../names');
  await rename(join(layer, '../copy'), layer);
  assert.equal(await digestOfTree(), original);
});

test('the digest does not depend on the chunk size', () => {
  const archive = execFileSync('tar', ['--format=posix', '--sort=name', '--xattrs', '-C', layer, '-cf', '-', '.'], {
    maxBuffer: 1 << 24,
  });
  const digests = [1, 7, 512, 10_240, archive.length].map((size) => {
    const digester = treeDigester();
    for (let at = 0; at < archive.length; at += size) digester.push(archive.subarray(at, at + size));
    return digester.end().digest;
  });
  assert.equal(new Set(digests).size, 1);
});

test('counts the bytes of all contents', async () => {
  const { bytes } = await digestLayer(scratch, digest('a'));
  const { stdout } = await sh(
    layer,
    "find . -type f ! -name hard-link -printf '%s\\n' | awk '{ n += $1 } END { print n }'",
  );
  assert.equal(bytes, Number(stdout));
});

describe('detects any change', () => {
  const KEEP_TIME =
    'find . -newermt 2026-11-24T12:00:01Z -exec touch --no-dereference --date="2026-11-24 12:00:00.5 UTC" {} +';
  const changes: Record<string, string> = {
    'a changed byte': 'printf dontent | dd of=file conv=notrunc status=none',
    'an extra byte': 'printf . >>large',
    'a missing byte': 'truncate -s -1 large',
    'data in a hole': 'printf x | dd of=sparse bs=1 seek=5000 conv=notrunc status=none',
    'a mode': 'chmod 4754 program',
    'an owner': 'chown 1235 owned',
    'a group': 'chgrp 4000000003 owned',
    'a time': "touch --date='2026-11-24 12:00:00.6 UTC' file",
    'a name': 'mv owned awned',
    'a moved file': 'mv owned folder',
    'a removed file': 'rm owned',
    'an extra empty file': ': >empty',
    'an extra empty folder': 'mkdir empty',
    'a link target': 'ln -sfn owned symlink',
    'a hard link replaced by a copy': 'cp -a --remove-destination file copy; mv copy hard-link',
    'a capability': 'setcap cap_net_admin+ep program',
    'a removed capability': 'setcap -r program',
    'a flipped bit in an attribute': 'setfattr -n user.binary -v 0x00ff0a3d21 file',
    'a removed overlayfs attribute': 'setfattr -x trusted.overlay.opaque opaque',
    'an extra attribute': 'setfattr -n trusted.overlay.redirect -v /folder folder',
    'an extra ACL entry': 'setfacl -m u:1234:r owned',
    'a whiteout replaced by another device': 'rm whiteout; mknod whiteout c 0 1',
    'a whiteout replaced by a file': 'rm whiteout; : >whiteout; chmod 644 whiteout',
    'a device of another type': 'rm null; mknod null b 1 3',
    'a fifo replaced by a file': 'rm fifo; : >fifo',
  };
  for (const [what, script] of Object.entries(changes)) {
    test(what, async () => {
      await write();
      await sh(layer, what === 'a time' ? script : `${script}\n${KEEP_TIME}`);
      assert.notEqual(await digestOfTree(), original);
    });
  }

  test('a missing folder is an error', async () => {
    await rm(layer, { recursive: true });
    await assert.rejects(digestOfTree(), /Cannot open: No such file or directory/);
  });
});
