import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { stringify } from 'smol-toml';
import { parseContainerdConfig } from '../../../src/node/containerd-config.ts';
import { fuzz } from '../../harness/fuzz.ts';

// All texts are what `containerd config dump` prints, shortened.
const CONTAINERD_1 = `version = 2
root = "/data/containerd"

  [plugins."io.containerd.grpc.v1.cri"]
    netns_mounts_under_state_dir = false
    restrict_oom_score_adj = false
    sandbox_image = "registry.example.com:5000/pause:3.9"
    selinux_category_range = 1024

        [plugins."io.containerd.grpc.v1.cri".containerd.default_runtime]
          sandbox_mode = ""
`;

const CONTAINERD_2 = `version = 4

[plugins]
  [plugins.'io.containerd.cri.v1.images']
    snapshotter = 'overlayfs'

    [plugins.'io.containerd.cri.v1.images'.pinned_images]
      sandbox = 'registry.k8s.io/pause:3.10.2'

    [plugins.'io.containerd.cri.v1.images'.registry]
      config_path = '/etc/containerd/certs.d:/etc/docker/certs.d'

        [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
          sandboxer = 'podsandbox'
`;

const MORE_PINNED = CONTAINERD_2.replace('      sandbox =', "      proxy = 'r.io/proxy:1'\n      sandbox =");
const NOTHING_PINNED = CONTAINERD_2.replace(/ +sandbox = .*\n/, '');

describe('the sandbox image in the output of `containerd config dump`', () => {
  const dumps: Record<string, [string, string | undefined]> = {
    '1.6 and 1.7': [CONTAINERD_1, 'registry.example.com:5000/pause:3.9'],
    '2.4': [CONTAINERD_2, 'registry.k8s.io/pause:3.10.2'],
    '2.4, pinning other images too': [MORE_PINNED, 'registry.k8s.io/pause:3.10.2'],
    '2.4, pinning nothing': [NOTHING_PINNED, undefined],
    nothing: ['', undefined],
  };
  for (const [version, [dump, image]] of Object.entries(dumps)) {
    test(version, () => assert.equal(parseContainerdConfig(dump).sandbox, image));
  }
});

test('the folders of the store, the socket, and the folders for registry hosts', () => {
  const one = parseContainerdConfig(CONTAINERD_1);
  assert.equal(one.root, '/data/containerd');
  assert.equal(one.snapshots, '/data/containerd/io.containerd.snapshotter.v1.overlayfs');
  assert.deepEqual(one.registry.certsFolders, []);
  const two = parseContainerdConfig(CONTAINERD_2);
  assert.deepEqual([two.root, two.address], ['/var/lib/containerd', '/run/containerd/containerd.sock']);
  assert.deepEqual(two.registry.certsFolders, ['/etc/containerd/certs.d', '/etc/docker/certs.d']);
  const moved = `root = "/r"\n[grpc]\naddress = "/run/k3s/s"\n[plugins."io.containerd.snapshotter.v1.overlayfs"]\nroot_path = "/fast"\n`;
  const { address, snapshots } = parseContainerdConfig(moved);
  assert.deepEqual([address, snapshots], ['/run/k3s/s', '/fast']);
  const plugin = `version = 4\n[plugins.'io.containerd.server.v1.grpc']\naddress = '/run/k3s/s'\n`;
  assert.equal(parseContainerdConfig(plugin).address, '/run/k3s/s');
});

test("Docker's containerd has no CRI", () => {
  assert.ok(parseContainerdConfig(CONTAINERD_1).hasCri);
  for (const plugin of ['cri', 'io.containerd.grpc.v1.cri', 'io.containerd.cri.v1.images']) {
    assert.ok(!parseContainerdConfig(`disabled_plugins = ["${plugin}"]\n`).hasCri);
  }
});

const K3S = `version = 2
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = ""
  [plugins."io.containerd.grpc.v1.cri".registry.configs."r.test:5000".auth]
    username = "robot"
    password = "pass"
  [plugins."io.containerd.grpc.v1.cri".registry.configs."r.test:5000".tls]
    ca_file = "/etc/ca.pem"
    insecure_skip_verify = true
  [plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]
    endpoint = ["https://m.test", "http://n.test/v2/cache"]
  [plugins."io.containerd.grpc.v1.cri".registry.mirrors."none"]
`;

test('mirrors, logins and TLS settings of registries', () => {
  assert.deepEqual(parseContainerdConfig(K3S).registry, {
    certsFolders: [],
    mirrors: { 'docker.io': ['https://m.test', 'http://n.test/v2/cache'], none: [] },
    servers: {
      'r.test:5000': {
        auth: { username: 'robot', password: 'pass', auth: '', identitytoken: '' },
        tls: { insecure_skip_verify: true, ca_file: '/etc/ca.pem', cert_file: '', key_file: '' },
      },
    },
  });
});

/** TOML text, or undefined for what TOML cannot express. */
const tomlOf = (config: unknown): string | undefined => {
  try {
    return stringify(config);
  } catch {
    return undefined;
  }
};

test('whatever containerd dumps, its settings are lines of text', (t) => {
  const cri = {
    sandbox_image: 'r.test/pause:3',
    registry: {
      config_path: '/a:/b',
      mirrors: { '*': { endpoint: ['m.test'] } },
      configs: { r: { auth: { username: 'a' } } },
    },
    other: { a: [1, 2] },
  };
  const plugins = { 'io.containerd.grpc.v1.cri': cri, 'io.containerd.cri.v1.images': cri };
  fuzz(t, { version: 2, root: '/r', grpc: { address: '/s' }, plugins }, (config) => {
    const text = tomlOf(config);
    if (text === undefined) return;
    const { root, address, snapshots, sandbox = '', registry } = parseContainerdConfig(text);
    const paths = [
      root,
      address,
      snapshots,
      sandbox,
      ...registry.certsFolders,
      ...Object.values(registry.mirrors).flat(),
    ];
    for (const line of paths) assert.match(line, /^.*$/);
  });
});
