import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { binaryFolder, provide } from '../components.ts';
import { ENVIRONMENT } from '../machine/daemons.ts';
import { exists } from '../machine/probes.ts';
import { run } from '../machine/run.ts';
import { until } from '../machine/until.ts';
import { containerdSource } from './config.ts';
import { LIB_FOLDERS } from './record.ts';

// only its own mount namespace has the files that this adds
const ON_RESTORED_MACHINE = ['sh', join(import.meta.dirname, '../../harness/restored-machine.sh')];
const MARK = 'left-by-the-machine';
const LOOK = `grep -rls ${MARK} /etc /opt /preload /root/.docker /run /var/lib
  find /var/lib -lname '*${MARK}*'
  env | grep ${MARK} || true`;

const folder = await mkdtemp(join(tmpdir(), 'preload-clean-'));
after(() => rm(folder, { recursive: true }));

test('a machine that restored a preload shows it, as its processes see it', async () => {
  const found = await run([...ON_RESTORED_MACHINE, 'sh', '-c', LOOK]);
  for (const place of [
    '/var/lib/kubectl-preload/record/',
    '/run/kubectl-preload/',
    '/etc/systemd/',
    '/etc/containerd/',
  ]) {
    assert.match(found, new RegExp(`^${place}`, 'm'));
  }
  assert.match(found, /^CONTAINERD_ADDRESS=/m);
});

test('a private node does not see what the machine restored', async () => {
  await provide([containerdSource('2')], console.error);
  const script = `
    import { startPrivateNode } from ${JSON.stringify(join(import.meta.dirname, '../../harness/private-node.ts'))};
    const [, folder, binaries, look] = process.argv;
    const node = await startPrivateNode(folder, binaries);
    const { stdout } = await node.run(['sh', '-c', look]).finally(node.stop);
    process.stdout.write(stdout);`;
  const node = [process.execPath, '--input-type=module', '--eval', script];
  const args = [join(folder, 'private'), await binaryFolder(containerdSource('2')), LOOK];
  assert.equal(await run([...ON_RESTORED_MACHINE, ...node, ...args]), '');
});

test('a node of the cluster does not see what the machine restored', async () => {
  const [writable, lib] = [join(folder, 'writable'), join(folder, 'lib')];
  for (const name of LIB_FOLDERS) await mkdir(join(lib, name), { recursive: true });
  const boot = ['unshare', '--mount', 'sh', join(import.meta.dirname, 'root.sh'), writable, lib, folder];
  const [command = '', ...args] = [...ON_RESTORED_MACHINE, ...boot];
  const root = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = once(root, 'exit');
  try {
    await until('the root', () => root.exitCode !== null || exists(`/proc/${root.pid}/root/run/booted`));
    const within = ['nsenter', '--target', String(root.pid), '--mount', '--'];
    assert.equal(await run([...within, 'sh', '-c', LOOK], { env: ENVIRONMENT }), '');
    assert.equal(
      await run([...within, 'ls', '/var/lib'], { env: ENVIRONMENT }),
      `${LIB_FOLDERS.toSorted().join('\n')}\n`,
    );
  } finally {
    root.kill('SIGKILL');
    await ended;
  }
});
