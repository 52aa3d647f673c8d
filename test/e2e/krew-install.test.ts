import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import project from '../../package.json' with { type: 'json' };
import { PLUGIN, TOOL, USAGE_NAME } from '../../src/model/names.ts';
import { goBuild } from '../cluster/go-build.ts';

const run = promisify(execFile);

const tag = `v${project.version}`;
const archive = `dist/${TOOL}_${tag}_linux_amd64.tar.gz`;
const manifest = `dist/${PLUGIN}.yaml`;

const scratch = await mkdtemp(join(tmpdir(), 'krew install '));
const tools = join(scratch, 'tools');
const krewRoot = join(scratch, 'krew root');
const link = join(krewRoot, 'bin', TOOL);
const store = join(krewRoot, 'store', PLUGIN, tag);
const machineWithoutNode = { HOME: scratch, KREW_ROOT: krewRoot, PATH: `${join(krewRoot, 'bin')}:${tools}` };

const releases = createServer(({ url = '' }, response) => createReadStream(join('dist', basename(url))).pipe(response));

before(async () => {
  await mkdir(tools);
  const krew = await goBuild('krew', console.error);
  const kubernetes = await goBuild('kubernetes', console.error);
  await symlink(join(krew, 'krew'), join(tools, 'kubectl-krew'));
  await symlink(join(krew, 'validate-krew-manifest'), join(tools, 'validate-krew-manifest'));
  await symlink(join(kubernetes, 'kubectl'), join(tools, 'kubectl'));
  for (const tool of ['dirname', 'readlink']) await symlink(`/usr/bin/${tool}`, join(tools, tool));

  await run(process.execPath, ['krew/package.ts']);
  await new Promise<void>((listening) => releases.listen(0, '127.0.0.1', listening));
});

after(async () => {
  releases.close();
  await rm(scratch, { recursive: true });
});

const runWithoutNode = (command: string, ...args: string[]): Promise<{ stdout: string; stderr: string }> => {
  return run(command, args, { env: machineWithoutNode });
};

/** Path of the manifest as released, but with archives served by this process. */
const manifestWithoutInternet = async (): Promise<string> => {
  const { port } = releases.address() as AddressInfo;
  const path = join(scratch, `${PLUGIN}.yaml`);
  const text = await readFile(manifest, 'utf8');
  await writeFile(path, text.replaceAll(/uri: .*\//g, `uri: http://127.0.0.1:${port}/`));
  return path;
};

test('validate-krew-manifest downloads and installs the archive', async () => {
  const { stderr } = await runWithoutNode('validate-krew-manifest', '-manifest', await manifestWithoutInternet());
  assert.match(stderr, /structural validation OK/);
  assert.match(stderr, /no overlapping spec\.platform\[\]\.selector/);
  assert.match(stderr, /all \d+ spec\.platforms installed fine/);
});

test('krew installs the archive, whose checksum is the one in the manifest', async () => {
  const flags = [`--manifest=${manifest}`, `--archive=${archive}`];
  const { stderr } = await runWithoutNode('kubectl', 'krew', 'install', ...flags);
  assert.match(stderr, new RegExp(`Installed plugin: ${PLUGIN}`));
  assert.equal(await readlink(link), join(store, TOOL));
  const files = [
    'LICENSE',
    'LICENSE-bundled',
    'LICENSE-node',
    'node',
    'preload.cjs',
    TOOL,
    `kubectl_complete-${PLUGIN}`,
  ];
  assert.deepEqual((await readdir(store)).sort(), files.sort());
});

test("the installed plugin runs through krew's link on a machine without Node", async () => {
  await assert.rejects(runWithoutNode('node', '--version'), { code: 'ENOENT' });
  const { stdout } = await runWithoutNode(link, '--help');
  assert.ok(stdout.includes(USAGE_NAME));
});

test('kubectl finds the installed plugin', async () => {
  const { stdout } = await runWithoutNode('kubectl', PLUGIN, '--help');
  assert.ok(stdout.includes(USAGE_NAME));
});
