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

/** containerd's config.toml. */
export const containerdConfig = (version: ContainerdVersion, sandboxImage: string): string => {
  return version === '2' ? configVersion3(sandboxImage) : configVersion2(sandboxImage);
};

const configVersion2 = (sandboxImage: string): string => {
  return `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${sandboxImage}"
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "/etc/cni/net.d"
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "/etc/containerd/certs.d"
`;
};

const configVersion3 = (sandboxImage: string): string => {
  return `version = 3
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "${sandboxImage}"
[plugins.'io.containerd.cri.v1.images'.registry]
  config_path = "/etc/containerd/certs.d"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["/usr/lib/cni"]
  conf_dir = "/etc/cni/net.d"
`;
};

/** kubelet's configuration file, for a node that shares the machine's network with others. */
export const kubeletConfig = (folder: string, user: string, address: string, cgroupRoot: string): object => {
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
    containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
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
