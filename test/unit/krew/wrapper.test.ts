import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { TOOL } from '../../../src/model/names.ts';

const scratch = mkdtempSync(join(tmpdir(), 'krew wrapper '));
const store = join(scratch, 'the store', 'v1.0.0');
const bin = join(scratch, 'bin');
const wrapper = join(store, TOOL);
after(() => rmSync(scratch, { recursive: true }));

mkdirSync(store, { recursive: true });
mkdirSync(bin);
copyFileSync(`plugin/${TOOL}`, wrapper);
writeFileSync(join(store, 'node'), '#!/bin/sh\nprintf "%s\\n" "$0" "$@"\n');
chmodSync(join(store, 'node'), 0o755);

symlinkSync(wrapper, join(bin, 'absolute'));
symlinkSync(`../the store/v1.0.0/${TOOL}`, join(bin, 'relative'));
symlinkSync('relative', join(bin, 'chained'));

const run = (command: string, cwd: string): string[] => {
  const output = execFileSync(command, ['a b', '', '*'], {
    cwd,
    encoding: 'utf8',
    env: { PATH: `${bin}:/usr/bin:/bin` },
  });
  return output.trimEnd().split('\n');
};

const calls = [
  { by: 'its own path', command: wrapper, cwd: '/', folder: store },
  { by: 'an absolute link', command: join(bin, 'absolute'), cwd: '/', folder: store },
  { by: 'a relative link', command: join(bin, 'relative'), cwd: '/', folder: `${bin}/../the store/v1.0.0` },
  { by: 'a link to a link', command: join(bin, 'chained'), cwd: '/', folder: `${bin}/../the store/v1.0.0` },
  { by: 'a link found on PATH', command: 'relative', cwd: '/', folder: `${bin}/../the store/v1.0.0` },
  { by: 'a path from the working folder', command: './relative', cwd: bin, folder: './../the store/v1.0.0' },
];

for (const { by, command, cwd, folder } of calls) {
  test(`started through ${by}, the wrapper runs the Node binary beside it with its arguments`, () => {
    assert.deepEqual(run(command, cwd), [`${folder}/node`, `${folder}/preload.cjs`, 'a b', '', '*']);
  });
}

describe('if the Node binary beside it does not run, as without glibc, the wrapper', () => {
  const folder = join(scratch, 'without glibc');
  const [own, other] = [join(folder, 'store'), join(folder, 'bin')];
  for (const path of [own, other]) mkdirSync(path, { recursive: true });
  copyFileSync(`plugin/${TOOL}`, join(own, TOOL));
  const addNode = (path: string, interpreter: string) =>
    writeFileSync(join(path, 'node'), `#!${interpreter}\nprintf "%s\\n" "$0" "$@"\n`, { mode: 0o755 });
  addNode(own, '/nonexistent');
  for (const tool of ['dirname', 'readlink']) symlinkSync(`/usr/bin/${tool}`, join(other, tool));
  const start = () => spawnSync(join(own, TOOL), ['a b'], { encoding: 'utf8', env: { PATH: other } });

  test('asks for another one', () => {
    const { status, stdout, stderr } = start();
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(
      stderr,
      /^error: .* needs glibc\nhint: install Node\.js 22\.19 or newer, such as with: apk add nodejs\n$/,
    );
  });

  test('runs the one on PATH', () => {
    addNode(other, '/bin/sh');
    assert.equal(start().stdout, `${join(other, 'node')}\n${join(own, 'preload.cjs')}\na b\n`);
  });
});
