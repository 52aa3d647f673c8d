import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
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
