import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { flagOf } from '../../../src/node/daemons.ts';
import { listNodeFolder, readNodeFile } from '../../../src/node/files.ts';
import { proxyFor } from '../../../src/registry/proxy.ts';

describe('files of a node', async () => {
  const root = await mkdtemp(join(tmpdir(), 'preload-node-files-'));
  await mkdir(join(root, 'etc/real'), { recursive: true });
  await writeFile(join(root, 'etc/real/file'), 'the node’s');
  for (const [path, target] of Object.entries({
    absolute: '/etc/real/file',
    relative: 'real/file',
    upwards: '../../../../etc/real/file',
    folder: '/etc/real',
    loop: 'loop',
    dangling: '/etc/nothing',
  })) {
    await symlink(target, join(root, 'etc', path));
  }
  after(() => rm(root, { recursive: true }));

  for (const path of ['/etc/real/file', '/etc/absolute', '/etc/relative', '/etc/upwards', '/etc/folder/file']) {
    test(path, async () => assert.equal(await readNodeFile(root, path), 'the node’s'));
  }
  for (const path of ['/etc/nothing', '/etc/dangling', '/etc/real/file/below']) {
    test(`${path} is not there`, async () => assert.equal(await readNodeFile(root, path), undefined));
  }
  test('a loop ends', () => assert.rejects(readNodeFile(root, '/etc/loop'), /too many symbolic links/));
  test('folders', async () => {
    assert.deepEqual(await listNodeFolder(root, '/etc/folder'), ['file']);
    assert.equal(await listNodeFolder(root, '/etc/real/file'), undefined);
  });
});

test('flags of a daemon', () => {
  const daemon = { argv: ['kubelet', '--one=1', '--two', '2', '--one-more=3', '--last'], environment: {} };
  assert.equal(flagOf(daemon, '--one'), '1');
  assert.equal(flagOf(daemon, '--two'), '2');
  for (const flag of ['--last', '--absent']) assert.equal(flagOf(daemon, flag), undefined);
});

describe('the proxy that Go programs use', () => {
  const environment = { HTTP_PROXY: 'plain.test:3128', https_proxy: 'http://secure.test:3128' };
  const proxy = (url: string, noProxy = '') => proxyFor(new URL(url), { ...environment, NO_PROXY: noProxy });

  test('by protocol', () => {
    assert.equal(proxy('http://r.test/'), 'http://plain.test:3128');
    assert.equal(proxy('https://r.test/'), 'http://secure.test:3128');
    assert.equal(proxyFor(new URL('https://r.test'), {}), undefined);
  });

  for (const [url, noProxy, direct] of [
    ['https://localhost:5000', '', true],
    ['https://127.1.2.3:5000', '', true],
    ['https://[::1]:5000', '', true],
    ['https://r.test', 'other.test', false],
    ['https://r.test', '*', true],
    ['https://r.test', 'r.test', true],
    ['https://r.test', ' R.test ,other', true],
    ['https://a.r.test', 'r.test', true],
    ['https://ar.test', 'r.test', false],
    ['https://r.test', '.r.test', false],
    ['https://a.r.test', '.r.test', true],
    ['https://a.r.test', '*.r.test', true],
    ['https://r.test:5000', 'r.test:5000', true],
    ['https://r.test', 'r.test:5000', false],
    ['https://r.test', 'r.test:443', true],
    ['https://10.1.2.3', '10.0.0.0/8', true],
    ['https://11.1.2.3', '10.0.0.0/8', false],
    ['https://10.1.2.3', '10.1.2.3', true],
    ['https://[fd00::1]', 'fd00::/8', true],
    ['https://[fd00::1]', 'fd00::1', true],
    ['https://[fd00::1]:5000', '[fd00::1]:5000', true],
    ['https://10.1.2.3', 'fd00::/8', false],
    ['https://10.1.2.3', '10.0.0.0/99', false],
    ['https://r.test', '', false],
  ] as const) {
    test(`${url} with NO_PROXY=${noProxy}: ${direct ? 'none' : 'one'}`, () => {
      assert.equal(proxy(url, noProxy) === undefined, direct);
    });
  }
});
