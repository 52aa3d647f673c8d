import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { type Containerd, findContainerd } from '../../../src/node/find-containerd.ts';

const folder = await mkdtemp(join(tmpdir(), 'preload-find-'));
after(() => rm(folder, { recursive: true }));

/** A node with these files, where containerd runs as `program`, also for another loader. Settings are read from files: no program can run. */
const found = async (
  files: Record<string, string>,
  program?: string,
  uid = 0,
): Promise<{ containerd: Containerd; warnings: string[] }> => {
  const root = await mkdtemp(join(folder, 'node-'));
  const add = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await (text.startsWith('-> ') ? symlink(text.slice(3), join(root, path)) : writeFile(join(root, path), text));
  };
  await mkdir(join(root, 'run'));
  for (const [path, text] of Object.entries(files)) await add(path, text);
  const start = async (pid: number, path: string, config: string): Promise<void> => {
    await add(`proc/${pid}/comm`, 'containerd\n');
    await add(`proc/${pid}/status`, `Name:\tcontainerd\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\n`);
    await add(`proc/${pid}/cmdline`, `containerd\0-c\0${config}\0`);
    await add(`proc/${pid}/exe`, `-> ${path}`);
    await add(`proc/${pid}/root`, '-> ../..');
  };
  if (program) await start(7, program, '/etc/agent.toml');
  if (program) await start(3, program, '/mnt/.check/memory/kubectl-preload.toml'); // the private one of another capture
  const warnings: string[] = [];
  const tools = { ctrPath: 'ctr', ctrFlags: '', containerdPath: 'containerd' };
  const report = (warning: string) => warnings.push(warning);
  const containerd = await findContainerd(root, tools, report, new AbortController().signal);
  return { containerd, warnings };
};

const CONFIG = { 'etc/agent.toml': 'root = "/agent"' };

test('a program that is containerd only by the name of a link runs again by that link', async () => {
  const files = { ...CONFIG, 'opt/bin/agent': '', 'opt/bin/containerd': '-> agent' };
  const { containerd, warnings } = await found(files, '/opt/bin/agent');
  assert.equal(containerd.program, '/opt/bin/containerd');
  assert.equal(containerd.config.root, '/agent');
  assert.deepEqual(warnings, []);
});

test('a program with another name runs again by its own, also beside another containerd', async () => {
  const files = {
    ...CONFIG,
    'opt/containerd-2.4': '',
    'opt/containerd': '',
    'usr/bin/containerd': '-> /opt/containerd-2.4',
  };
  assert.equal((await found(files, '/opt/containerd-2.4')).containerd.program, '/opt/containerd-2.4');
});

test("the containerd of another capture is not the node's, also if it has CRI and the node sees its files", async () => {
  const files = { 'mnt/.check/memory/kubectl-preload.toml': 'root = "/mnt/.check"', 'opt/containerd': '' };
  const { containerd, warnings } = await found({ ...CONFIG, ...files }, '/opt/containerd');
  assert.deepEqual([containerd.config.root, containerd.program, warnings], ['/agent', '/opt/containerd', []]);
});

test("the program of another user is not the node's, because root runs what is", async () => {
  const { containerd, warnings } = await found({ ...CONFIG, 'tmp/containerd': '' }, '/tmp/containerd', 1000);
  assert.equal(containerd.program, 'containerd');
  assert.match(warnings[0] ?? '', /cannot find the node's containerd/);
});

test('a program that was replaced since it started is looked up by its usual name', async () => {
  assert.equal((await found(CONFIG, '/opt/containerd (deleted)')).containerd.program, 'containerd');
});

test('without a containerd that runs, its usual settings are used, and a warning says so', async () => {
  const { containerd, warnings } = await found({ 'etc/containerd/config.toml': 'root = "/data"' });
  assert.deepEqual([containerd.program, containerd.config.root], ['containerd', '/data']);
  assert.deepEqual(warnings, ["cannot find the node's containerd; using the default settings of its program"]);
});
