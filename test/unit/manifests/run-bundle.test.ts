import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type ConfigMap, runBundle } from '../../../src/manifests/run-bundle.ts';

const folder = await mkdtemp(join(tmpdir(), 'preload-run-'));
after(() => rm(folder, { recursive: true }));

const files: Record<string, Buffer> = {
  'preload.cjs.gz': gzipSync('console.log(process.argv.slice(2).join())'),
  'request.json.gz': Buffer.from('the request'),
};
const configMap: ConfigMap = {
  ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'preload-web' } },
  binaryData: Object.fromEntries(Object.entries(files).map(([name, data]) => [name, data.toString('base64')])),
};

/** Runs the command of the pod, with folders of this test. */
const run = (...args: string[]) => {
  const [, ...argv] = runBundle(configMap).map((text) => text.replace(/'\/(preload|tmp)\//g, `'${folder}/$1/`));
  return spawnSync(process.execPath, [...argv, '--', ...args], { encoding: 'utf8' });
};

describe('the command of a pod', () => {
  beforeEach(async () => {
    for (const name of ['preload', 'tmp']) await mkdir(join(folder, name), { recursive: true });
    for (const [name, data] of Object.entries(files)) await writeFile(join(folder, 'preload', name), data);
  });

  test('runs the bundle that was sent, with its arguments and its other files', async () => {
    const { status, stdout, stderr } = run('export', '--hold', '600s');
    assert.deepEqual([status, stdout, stderr], [0, 'export,--hold,600s\n', '']);
    assert.equal(await readFile(join(folder, 'tmp/request.json.gz'), 'utf8'), 'the request');
  });

  for (const name of Object.keys(files)) {
    test(`runs nothing if ${name} was replaced`, async () => {
      await writeFile(join(folder, 'preload', name), gzipSync('console.log("evil")'));
      const { status, stdout, stderr } = run('export');
      assert.deepEqual([status, stdout], [1, '']);
      assert.equal(stderr, `${name} in the config map is not what was sent\n`);
    });
  }
});
