import type { Source } from '../components.ts';
import type { GoModule } from '../go-build.ts';
import { certificate, privateKey } from '../machine/pki.ts';

export const CONTAINERD_VERSIONS = ['1.6', '1.7', '2'] as const;
export type ContainerdVersion = (typeof CONTAINERD_VERSIONS)[number];

const MODULES: Partial<Record<ContainerdVersion, GoModule>> = { '1.7': 'containerd-1.7', '2': 'containerd-2' };

export const containerdSource = (version: ContainerdVersion): Source => {
  const module = MODULES[version];
  return module ? { module } : { packages: ['containerd'] };
};

/** Where a node's containerd has its things. */
interface ContainerdPlace {
  config: string;
  root: string;
  socket: string;
  program: string;
}

const USUAL: ContainerdPlace = {
  config: '/etc/containerd/config.toml',
  root: '/var/lib/containerd',
  socket: '/run/containerd/containerd.sock',
  program: 'containerd',
};

/** As distributions that bring their own containerd do it, on a node whose large disk is at /mnt: its usual root is a link. */
const OWN: ContainerdPlace = {
  config: '/opt/agent/containerd.toml',
  root: '/var/lib/containerd',
  socket: '/run/agent/containerd/containerd.sock',
  program: 'containerd',
};

/** As in k3s: a link to the one program of the distribution, which is containerd only by that name. */
const AGENT: ContainerdPlace = { ...OWN, root: '/mnt/agent/containerd', program: '/opt/agent/bin/containerd' };
export const AGENT_PROGRAM = '/opt/agent/bin/agent';

interface Runtime {
  containerd: ContainerdVersion;
  own: boolean;
}

export const isAgent = ({ containerd, own }: Runtime): boolean => own && containerd === '2';

export const placeOf = (runtime: Runtime): ContainerdPlace => {
  if (isAgent(runtime)) return AGENT;
  return runtime.own ? OWN : USUAL;
};

export interface Login {
  server: string;
  username: string;
  password: string;
}

/** containerd's configuration; with a login, it has that instead of a folder for registry hosts. */
export const containerdConfig = (
  version: ContainerdVersion,
  { root, socket }: ContainerdPlace,
  sandboxImage: string,
  login?: Login,
): string => {
  const registry = login
    ? `configs."${login.server}".auth]
  username = "${login.username}"
  password = "${login.password}"`
    : `]
  config_path = "/etc/containerd/certs.d"`;
  const plugins = version === '2' ? pluginsOfVersion3(sandboxImage) : pluginsOfVersion2(sandboxImage);
  return `version = ${version === '2' ? 3 : 2}
root = "${root}"
[grpc]
  address = "${socket}"
${plugins}.registry${login ? '.' : ''}${registry}
`;
};

const pluginsOfVersion2 = (sandboxImage: string): string => {
  return `[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${sandboxImage}"
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "/etc/cni/net.d"
[plugins."io.containerd.grpc.v1.cri"`;
};

const pluginsOfVersion3 = (sandboxImage: string): string => {
  return `[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "${sandboxImage}"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["/usr/lib/cni"]
  conf_dir = "/etc/cni/net.d"
[plugins.'io.containerd.cri.v1.images'`;
};

/** kubelet's configuration file, for a node that shares the machine's network with others. */
export const kubeletConfig = (
  folder: string,
  user: string,
  { address, socket, cgroupRoot }: { address: string; socket: string; cgroupRoot: string },
): object => {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address,
    healthzBindAddress: address,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: certificate(folder, 'ca') },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: certificate(folder, user),
    tlsPrivateKeyFile: privateKey(folder, user),
    containerRuntimeEndpoint: `unix://${socket}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${cgroupRoot}`,
    failCgroupV1: false,
    failSwapOn: false,
    enforceNodeAllocatable: [],
    makeIPTablesUtilChains: false,
    clusterDNS: ['10.96.0.10'],
    clusterDomain: 'cluster.local',
    evictionHard: { 'memory.available': '20Mi', 'nodefs.available': '0%', 'imagefs.available': '0%' },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
  };
};

/** The pod network: all nodes and pods share one bridge, so nothing is routed or translated. */
export const podNetwork = (bridge: string, network: string, index: number): object => {
  return {
    cniVersion: '0.4.0',
    name: 'pods',
    plugins: [
      {
        type: 'bridge',
        bridge,
        ipam: {
          type: 'host-local',
          ranges: [
            [{ subnet: `${network}.0.0/16`, rangeStart: `${network}.${index}.2`, rangeEnd: `${network}.${index}.250` }],
          ],
        },
      },
    ],
  };
};
