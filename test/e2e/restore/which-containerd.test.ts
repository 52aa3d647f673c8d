import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../../cluster/machine/until.ts';
import type { PrivateNode } from '../../harness/private-node.ts';
import { ctrWith } from './faulty-ctr.ts';
import { lines, newVolume, onNode, restoreIn, SHELLS, STATE } from './restored-node.ts';
import { app, pause, web } from './small-images.ts';

const DOCKER = '/run/containerd/containerd.sock';
const K3S = '/run/k3s/containerd/containerd.sock';
const NO_CRI = /present in containerd, but not for the kubelet, because containerd has no CRI plugin/;

const volume = await newVolume('volume', [app, web, pause]);

/** Moves the node's containerd to `socket`, and starts another one without CRI where it was, as Docker does. */
const startDocker = async (node: PrivateNode, files: string, socket: string): Promise<() => void> => {
  await node.run(['sh', '-c', `mkdir -p "\${0%/*}" && mv ${DOCKER} "$0"`, socket]);
  const disabled = ['grpc.v1.cri', 'cri.v1.images', 'cri.v1.runtime', 'internal.v1.opt'];
  await writeFile(
    join(files, 'docker.toml'),
    `version = 2\ndisabled_plugins = [${disabled.map((plugin) => `"io.containerd.${plugin}"`)}]\n`,
  );
  const folders = ['--root', join(files, 'docker'), '--state', '/run/docker'];
  const child = node.start(['containerd', '--config', join(files, 'docker.toml'), ...folders, '--address', DOCKER]);
  await until('the second containerd', async () => (await node.run(['ctr', 'version'])).code === 0);
  return () => {
    if (child.pid) process.kill(-child.pid);
  };
};

const namesAt = async (node: PrivateNode, socket: string): Promise<number> =>
  lines(await node.ctr('--address', socket, 'images', 'ls', '-q', 'name~=registry.test')).length;

for (const shell of SHELLS) {
  onNode('2', `${shell} links if a second snapshotter is also in use`, async (node, files) => {
    // as containerd 2.0 lists them
    const crictl = `crictl "$@"\ncase "$*" in *imagefsinfo) crictl "$@" | sed s/overlayfs/devmapper/ ;; esac`;
    await writeFile(join(files, 'crictl'), `#!/bin/sh\n${crictl}\n`, { mode: 0o755 });
    const { code, stderr } = await restoreIn(shell, node, volume, ['--ctr', await ctrWith(files, '')]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /mode link: CRI uses overlayfs/);
  });

  for (const version of ['1.7', '2'] as const) {
    onNode(version, `${shell} prefers a containerd with CRI to that of Docker`, async (node, files) => {
      const stop = await startDocker(node, files, K3S);
      try {
        const { code, stderr } = await restoreIn(shell, node, volume);
        assert.equal(code, 0, stderr);
        assert.match(stderr, /3 of 3 images present for the kubelet/);
        assert.deepEqual([await namesAt(node, DOCKER), await namesAt(node, K3S)], [0, 6]);
      } finally {
        stop();
      }
    });

    onNode(version, `${shell} does not use a containerd without CRI unless asked to`, async (node, files) => {
      const stop = await startDocker(node, files, '/run/elsewhere.sock');
      try {
        for (const action of [[], ['--check'], ['--undo']]) {
          const { code, stderr } = await restoreIn(shell, node, volume, ['--wait', '1', ...action]);
          assert.equal(code, 4, stderr);
          assert.match(stderr, /containerd at \/run\/containerd\/containerd.sock has no CRI plugin.* with --address/);
        }
        assert.equal(await namesAt(node, DOCKER), 0);
        assert.equal((await node.run(['ls', STATE])).stdout, '');

        const asked = await restoreIn(shell, node, volume, ['--address', DOCKER]);
        assert.equal(asked.code, 0, asked.stderr);
        assert.match(asked.stderr, NO_CRI);
        assert.equal(await namesAt(node, DOCKER), 6);
        const undone = await restoreIn(shell, node, volume, ['--undo'], { CONTAINERD_ADDRESS: DOCKER });
        assert.equal(undone.code, 0, undone.stderr);
        const other = await restoreIn(shell, node, volume, ['--namespace', 'other']);
        assert.equal(other.code, 0, other.stderr);
        assert.match(other.stderr, /3 of 3 images present in containerd's namespace other/);
      } finally {
        stop();
      }
    });
  }

  onNode('1.6', `${shell} takes a socket as URL`, async (node) => {
    await node.run(['mv', DOCKER, '/run/elsewhere.sock']);
    const url = 'unix:///run/elsewhere.sock';
    for (const [args, env] of [
      [['--address', url], {}],
      [[], { CONTAINERD_ADDRESS: url }],
    ] as const) {
      const { code, stderr } = await restoreIn(shell, node, volume, ['--wait', '1', ...args], env);
      assert.equal(code, 0, stderr);
      assert.match(stderr, /3 of 3 images present for the kubelet/);
    }
  });
}

const OTHER = '/run/other'; // the folder of another user

onNode(
  '2',
  'runs no program of another user, even if it is called containerd',
  async (node) => {
    // as containerd does, it runs with `config dump`: then this bash runs the script
    const prepared = `mkdir ${OTHER} && cp /bin/bash ${OTHER}/containerd && echo 'id -u >${OTHER}/ran' >${OTHER}/config && echo 'sleep 60; true' >${OTHER}/waits`;
    await node.run(['sh', '-c', `${prepared} && mv ${DOCKER} /run/elsewhere.sock`]);
    const user = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    const child = node.start([...user, `${OTHER}/containerd`, `${OTHER}/waits`]);
    await until(
      'the other process',
      async () => (await node.run(['pgrep', '-x', 'containerd', '-u', '65534'])).code === 0,
    );
    const script = join(volume.path, 'restore.sh');
    const { code, stderr } = await node.run(['env', '-C', OTHER, 'sh', script, '--address', '/run/elsewhere.sock']);
    if (child.pid) process.kill(-child.pid);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /assuming overlayfs/);
    assert.equal((await node.run(['ls', OTHER])).stdout, 'config\ncontainerd\nwaits\n');
  },
  { crictl: false },
);
