import assert from 'node:assert/strict';
import { copyFile, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { binaryFolder, provide } from '../../cluster/components.ts';
import { ensurePackages } from '../../cluster/machine/apt.ts';
import { until } from '../../cluster/machine/until.ts';
import { type ContainerdVersion, containerdSource } from '../../cluster/node/config.ts';
import { type AttachedDisk, newSystemdMachine, type SystemdMachine } from '../../harness/systemd-machine.ts';

await ensurePackages(['attr', 'e2fsprogs'], console.error);
await provide(
  [{ module: 'kubernetes' }, { module: 'cri-tools' }, containerdSource('1.7'), containerdSource('2')],
  console.error,
);

export interface PreloadDisk extends AttachedDisk {
  set: string;
}

// as containerd's project and EKS AL2023 have them
const CONTAINERD = `[Unit]
After=network.target local-fs.target
[Service]
ExecStart=/usr/local/bin/containerd
Type=notify
Delegate=yes
KillMode=process
Restart=always
RestartSec=5
[Install]
WantedBy=multi-user.target
`;

const KUBELET = `[Unit]
After=containerd.service
Wants=containerd.service
[Service]
ExecStartPre=/bin/mount -o remount,bind,rw /proc/sys
ExecStart=/usr/local/sbin/kubelet --config=/etc/kubernetes/kubelet.json
Restart=on-failure
RestartSec=5
KillMode=process
[Install]
WantedBy=multi-user.target
`;

export const KUBELET_CONFIG = '/etc/kubernetes/kubelet.json';
/** Of a kubelet without an API server. */
export const STANDALONE = JSON.stringify({
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
  authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
  authorization: { mode: 'AlwaysAllow' },
  failCgroupV1: false,
  failSwapOn: false,
  cgroupDriver: 'cgroupfs',
  cgroupsPerQOS: false,
  enforceNodeAllocatable: [],
  localStorageCapacityIsolation: false,
  makeIPTablesUtilChains: false,
});

export const CONTAINERD_CONFIG = '/etc/containerd/config.toml';
/** No folder /opt/containerd. */
export const USUAL_CONTAINERD = 'version = 2\ndisabled_plugins = ["io.containerd.internal.v1.opt"]\n';

/** Its images cannot be linked. */
export const WITHOUT_OVERLAYFS = `${USUAL_CONTAINERD}[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
`;

/** Text of a unit that mounts the disk at /preload. */
export const mountUnit = ({ uuid }: PreloadDisk): string =>
  `[Mount]\nWhat=/dev/disk/by-uuid/${uuid}\nWhere=/preload\nType=ext4\nOptions=ro\n[Install]\nWantedBy=multi-user.target\n`;

/** Makes a machine with containerd and a kubelet as units that are not enabled; its files are at `place`. */
export const makeNode = async (version: ContainerdVersion, place: string): Promise<SystemdMachine> => {
  const [kubernetes, tools] = [
    await binaryFolder({ module: 'kubernetes' }),
    await binaryFolder({ module: 'cri-tools' }),
  ];
  const machine = await newSystemdMachine(place, [join(kubernetes, 'kubelet'), join(tools, 'crictl')]);
  const files = {
    '/etc/systemd/system/containerd.service': CONTAINERD,
    '/etc/systemd/system/kubelet.service': KUBELET,
    '/etc/hosts': '127.0.0.1 localhost\n',
    '/etc/resolv.conf': '',
    [KUBELET_CONFIG]: STANDALONE,
    [CONTAINERD_CONFIG]: USUAL_CONTAINERD,
  };
  for (const [path, text] of Object.entries(files)) await machine.write(path, text);
  await installContainerd(machine, version);
  return machine;
};

/** Replaces containerd's files, as a package does. */
export const installContainerd = async (machine: SystemdMachine, version: ContainerdVersion): Promise<void> => {
  const binaries = await binaryFolder(containerdSource(version));
  await mkdir(machine.path('/usr/local/bin'), { recursive: true });
  for (const binary of ['containerd', 'containerd-shim-runc-v2', 'ctr']) {
    const target = machine.path(`/usr/local/bin/${binary}`);
    await copyFile(join(binaries || '/usr/bin', binary), `${target}.new`); // of a package, without a folder of its own
    await rename(`${target}.new`, target);
  }
};

/** Runs a shell script that must succeed. */
export const sh = async (machine: SystemdMachine, script: string): Promise<string> => {
  const { code, stdout, stderr } = await machine.run(['sh', '-euc', script]);
  assert.equal(code, 0, `${script}: ${stdout}${stderr}`);
  return stdout;
};

/** Returns when every unit has started, or failed. */
export const settle = (machine: SystemdMachine): Promise<void> =>
  until('the end of the boot', async () =>
    /^(running|degraded)/.test((await machine.run(['systemctl', 'is-system-running'])).stdout),
  );

/** Switches the machine off and on, and waits until all has started. */
export const reboot = async (machine: SystemdMachine, disk?: AttachedDisk): Promise<void> => {
  await machine.powerOff();
  await machine.powerOn(disk);
  await settle(machine);
};

/** `active`, `inactive`, `failed` or `activating`. */
export const state = async (machine: SystemdMachine, unit: string): Promise<string> =>
  (await machine.run(['systemctl', 'is-active', unit])).stdout.trim();

export const property = async (machine: SystemdMachine, unit: string, name: string): Promise<string> =>
  (await sh(machine, `systemctl show --value --property=${name} ${unit}`)).trim();

export const journal = (machine: SystemdMachine, unit: string): Promise<string> =>
  sh(machine, `journalctl --boot --output=cat --unit=${unit}`);

/** Asserts that the kubelet runs, and that this was after all images were there. */
export const assertReady = async (machine: SystemdMachine, { set }: PreloadDisk): Promise<void> => {
  const service = `kubectl-preload-${set}.service`;
  const log = await journal(machine, service);
  assert.equal(await state(machine, 'kubelet'), 'active', log);
  assert.match(log, /preload: (\d+) of \1 images present for the kubelet/);
  const restored = Number(await property(machine, service, 'ExecMainExitTimestampMonotonic'));
  const started = Number(await property(machine, 'kubelet', 'ExecMainStartTimestampMonotonic'));
  assert.ok(restored > 0 && restored < started, `${restored} ${started}`);
  await sh(machine, 'sh /preload/restore.sh --check');
  await until('an answer of the kubelet', async () => {
    const { stdout } = await machine.run(['busybox', 'wget', '-qO-', 'http://127.0.0.1:10248/healthz']);
    return stdout.trim() === 'ok';
  });
};
