import assert from 'node:assert/strict';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '../../../src/model/oci.ts';
import { run } from '../../cluster/machine/run.ts';
import { CONTAINERD_VERSIONS } from '../../cluster/node/config.ts';
import { outcome, type PrivateNode } from '../../harness/private-node.ts';
import { ctrWith, refuse } from './faulty-ctr.ts';
import { guardOf, labelled, lines, newVolume, onNode, restore, result, STATE, targets } from './restored-node.ts';
import { app, odd, pause, stackedPause, web } from './small-images.ts';

const CRI_PLUGIN = { '1.6': 'grpc.v1.cri".containerd', '1.7': 'grpc.v1.cri".containerd', '2': 'cri.v1.images"' };

const volume = await newVolume('volume', [app, web, pause]);
const withBlobs = await newVolume('with-blobs', [app, odd, web, pause], { blobs: true });

for (const version of CONTAINERD_VERSIONS) {
  const config = `[plugins."io.containerd.${CRI_PLUGIN[version]}]\n  snapshotter = "native"\n`;
  onNode(
    version,
    'imports if CRI uses another snapshotter and the volume has blobs',
    async (node) => {
      const refused = await restore(node, volume);
      assert.equal(refused.code, 4);
      assert.match(
        refused.stderr,
        /cannot link: CRI uses the native snapshotter; cannot import: the volume has no layer/,
      );
      assert.equal((await restore(node, withBlobs, '--mode', 'link')).code, 4);
      const { code, stderr } = await restore(node, withBlobs);
      assert.equal(code, 0, stderr);
      assert.match(stderr, /mode import: cannot link: CRI uses the native snapshotter/);
      assert.equal(lines(await node.ctr('snapshots', '--snapshotter', 'native', 'ls')).length, 9);
      assert.equal((await restore(node, withBlobs, '--check')).code, 0);
      assert.equal((await restore(node, withBlobs, '--undo')).code, 0);
    },
    { config, crictl: false },
  );
}

for (const flag of ['--config=', '--config ', '-c=', '-c ']) {
  onNode(
    '2',
    `finds the snapshotter of CRI in the file that follows ${flag}`,
    async (node, files) => {
      const binary = join(files, 'containerd');
      await install(node, files, 'start', `exec ${binary} ${flag}${files}/config.toml`);
      const script = `cp "$(command -v containerd)" ${binary} && mount --bind ${files}/start "$(command -v containerd)" &&
        mv /etc/containerd/config.toml ${files}`;
      assert.equal((await node.run(['sh', '-c', script])).code, 0);
      await node.restartContainerd();
      const { code, stderr } = await restore(node, volume);
      assert.equal(code, 4);
      assert.match(stderr, /cannot link: CRI uses the native snapshotter/);
    },
    { config: `[plugins."io.containerd.${CRI_PLUGIN[2]}]\n  snapshotter = "native"\n`, crictl: false },
  );
}

onNode('2', 'imports if the volume has no layers but blobs', async (node, files) => {
  const damaged = { ...withBlobs, path: join(files, 'damaged') };
  await run(['cp', '-a', withBlobs.path, damaged.path]);
  await rm(join(damaged.path, 'layers'), { recursive: true });
  const { code, stderr } = await restore(node, damaged);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /mode import: cannot link: layer sha256:\w+ is missing/);
  assert.equal((await restore(node, damaged, '--mode', 'link')).code, 3);
});

onNode('1.7', 'finds the ctr, socket and namespace of k3s', async (node, files) => {
  await install(node, files, 'k3s', '[ "$1" = ctr ] && shift && exec "$REAL_CTR" "$@"');
  await node.run([
    'sh',
    '-c',
    'mkdir -p /run/k3s/containerd && mv /run/containerd/containerd.sock /run/k3s/containerd/',
  ]);
  const hidden = `ctr=$(command -v ctr); mount --bind /dev/null /usr/bin/ctr; PATH=${files}:/usr/bin:/bin REAL_CTR=$ctr`;
  const k3s = await node.run(['sh', '-c', `${hidden} sh ${volume.path}/restore.sh`]);
  assert.equal(k3s.code, 0, k3s.stderr);
  assert.match(
    (await node.run(['cat', guardOf(volume, 'k3s')])).stdout,
    new RegExp(`^RequiresMountsFor=${volume.path}$`, 'm'),
  );
});

onNode('2', 'uses socket, ctr and namespace from the volume, unless flags override them', async (node, files) => {
  await node.run(['sh', '-c', 'mkdir -p /run/else where && mv /run/containerd/containerd.sock /run/else/where.sock']);
  await install(node, files, 'other-ctr', 'exec ctr "$@"');
  const defaults = { address: '/run/else/where.sock', ctr: `${files}/other-ctr --debug`, namespace: 'other' };
  await mkdir(join(files, 'volumes'));
  const custom = await newVolume(`custom-${process.pid}`, [app, web, pause], { defaults });
  const { code, stderr } = await restore(node, custom);
  assert.equal(code, 0, stderr);
  const names = async (namespace: string) =>
    lines(await node.ctr('--address', defaults.address, '--namespace', namespace, 'images', 'ls', '-q')).length;
  assert.equal(await names('other'), 6);
  assert.equal(await names('k8s.io'), 0);
  const flags = ['--namespace', 'third', '--ctr', 'ctr', '--address', '/run/else/where.sock'];
  assert.equal((await restore(node, custom, ...flags)).code, 0);
  assert.equal(await names('third'), 6);
});

onNode('1.6', 'works without coreutils, flock and bash', async (node, files) => {
  const tools = join(files, 'busybox');
  await mkdir(tools);
  await run(['busybox', '--install', '-s', tools]);
  await rm(join(tools, 'flock'), { force: true });
  const call = (...args: string[]) => [
    'sh',
    '-c',
    `mount --bind /dev/null /usr/bin/flock; PATH=${tools}:$PATH exec ash "$@"`,
    'sh',
    ...args,
  ];
  const { path } = await newVolume(`stacked-pause-${process.pid}`, [app, odd, web, stackedPause], { blobs: true });
  const script = join(path, 'restore.sh');
  const refused = await node.run(call(script, '--mode', 'copy'));
  assert.equal(refused.code, 4);
  assert.match(refused.stderr, /cannot copy: cp on this node loses extended attributes/);
  const runs = await Promise.all([1, 2, 3].map(() => node.run(call(script))));
  for (const { code, stderr } of runs) assert.equal(code, 0, stderr);
  assert.equal(runs.filter(({ stderr }) => /another restore.sh is running/.test(stderr)).length, 2);
  assert.match(runs[0]?.stderr ?? '', /cannot copy the pause image .*, so pods with hostUsers: false will not start/);
  assert.equal((await targets(node)).length, 9);

  const killed = node.start(call(script, '--undo'));
  const ended = outcome(killed);
  await node.run(['sh', '-c', 'until [ -e /run/kubectl-preload/owner ]; do sleep 0.01; done']);
  if (killed.pid) process.kill(-killed.pid, 'SIGKILL');
  await ended;
  const after = await node.run(call(script, '--mode', 'import'));
  assert.equal(after.code, 0, after.stderr);
  assert.equal((await node.run(['ls', '/run/kubectl-preload'])).stdout, 'restore.json\n');
});

onNode('1.7', 'keeps layers linked when they do not fit on the disk', async (node) => {
  await node.run([
    'sh',
    '-c',
    'mount -t tmpfs -o size=1m tmpfs /var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots',
  ]);
  const { code, stderr } = await restore(node, withBlobs, '--mode', 'copy');
  assert.equal(code, 1, stderr);
  assert.match(
    stderr,
    /not enough space on containerd's disk, of which 10 % must stay free: layers need \d+ MiB, 0 MiB are left for them; they stay linked; free some space/,
  );
  assert.equal((await restore(node, withBlobs, '--check')).code, 0);
});

onNode(
  '1.7',
  'reports versions of containerd that ignore pins',
  async (node, files) => {
    for (const [server, ignores] of [
      ['1.6.20', true],
      ['1.6.24', true],
      ['1.6.25', false],
      ['1.7.9', true],
      ['1.7.10', false],
    ] as const) {
      const as = `ctr "$@" | sed 's/Version: .*/Version: v${server}/'; exit`;
      const ctr = await ctrWith(files, `case "$*" in *' version') ${as} ;; esac`);
      const { code, stderr } = await restore(node, volume, '--ctr', ctr);
      assert.equal(code, 0, stderr);
      assert.equal(stderr.includes(`containerd ${server} ignores the pins of all images`), ignores, stderr);
    }
  },
  { crictl: false },
);

onNode('2', 'does not report names as imported if the import failed', async (node, files) => {
  const { code, stderr } = await restore(node, volume, '--ctr', await ctrWith(files, refuse("*'images import'*")));
  assert.equal(code, 1, stderr);
  assert.match(stderr, /import: ctr: dial .* connection refused/);
  assert.doesNotMatch(stderr, /import: 3 images/);
});

onNode('2', 'cleans up an older set whose volume is no longer mounted', async (node, files) => {
  const old = { ...volume, path: join(files, 'old') };
  await run(['cp', '-a', volume.path, old.path]);
  assert.equal((await restore(node, old)).code, 0);
  await run(['mv', old.path, `${old.path}-away`]);
  const { code, stderr } = await restore(node, withBlobs);
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    new RegExp(`the volume of the older set ${old.set} is no longer mounted; removing its linked images`),
  );
  assert.deepEqual(new Set(await targets(node)), new Set([withBlobs.set]));
  assert.equal((await node.run(['ls', `${STATE}/record`])).stdout, `${withBlobs.set}\n`);
  assert.equal((await labelled(node, 'kubectl-preload/set')).length, 8);
});

onNode('2', 'writes its result to a file for programs', async (node) => {
  assert.equal((await restore(node, volume, '--check')).code, 1);
  const missing = (await result(node, 'check')).missing.map(({ name }: { name: string }) => name);
  assert.equal(missing.length, 6);
  assert.ok(missing.includes(app.name));
  assert.equal((await restore(node, volume, '--quiet')).stderr, '');
  const { phases, seconds, ...rest } = await result(node);
  assert.deepEqual(Object.keys(phases), ['link', 'import', 'pin']);
  assert.equal(typeof seconds, 'number');
  const { message, containerd, digest, ...facts } = rest;
  assert.match(message, /^3 of 3 images present/);
  assert.match(containerd, /^2\./);
  assert.equal(digest, digestOf(await readFile(join(volume.path, 'preload.json'))));
  assert.deepEqual(facts, { action: 'restore', exitCode: 0, set: volume.set, mode: 'link', missing: [] });
  assert.equal((await restore(node, volume, '--undo')).code, 0);
  assert.match((await result(node, 'undo')).message, /^4 linked layers removed in /);
});

/** Puts a program into `folder`. */
const install = (_node: PrivateNode, folder: string, name: string, body: string): Promise<void> =>
  writeFile(join(folder, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
