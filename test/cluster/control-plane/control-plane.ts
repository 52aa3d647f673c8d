import { join } from 'node:path';
import { binaryFolder, type Component } from '../components.ts';
import { certificate, createAuthority, issue, privateKey } from '../machine/pki.ts';
import { answers } from '../machine/probes.ts';
import type { Cluster } from '../state.ts';
import { createUser, type Kubectl, kubeconfig, kubectlAs } from './kubeconfig.ts';

export const ADMIN = 'admin';
export const API_SERVER = 'kube-apiserver';
const CONTROLLER_MANAGER = 'system:kube-controller-manager';
const SCHEDULER = 'system:kube-scheduler';
const SERVICE_NETWORK = '10.96.0.0/16';

/** Certificates and kubeconfigs of the control plane and its admin. */
export const createCredentials = async ({ folder, ports }: Pick<Cluster, 'folder' | 'ports'>): Promise<void> => {
  await createAuthority(folder);
  const addresses = ['IP:127.0.0.1', 'DNS:localhost', 'DNS:kubernetes.default.svc', 'IP:10.96.0.1'];
  await Promise.all([
    issue(folder, { name: 'server', addresses }),
    issue(folder, { name: 'service-account' }),
    issue(folder, { name: 'kubelet-client', organization: 'system:masters' }),
    createUser(folder, ports.apiserver, { name: ADMIN, organization: 'system:masters' }),
    createUser(folder, ports.apiserver, { name: CONTROLLER_MANAGER }),
    createUser(folder, ports.apiserver, { name: SCHEDULER }),
  ]);
};

/** kubectl as the cluster's admin. */
export const adminKubectl = async ({ folder }: Pick<Cluster, 'folder'>): Promise<Kubectl> => {
  return kubectlAs(folder, ADMIN, join(await binaryFolder({ module: 'kubernetes' }), 'kubectl'));
};

export const controlPlane = (cluster: Pick<Cluster, 'folder' | 'ports'>): Component[] => {
  const { folder, ports } = cluster;
  const serving = [
    '--bind-address=127.0.0.1',
    `--tls-cert-file=${certificate(folder, 'server')}`,
    `--tls-private-key-file=${privateKey(folder, 'server')}`,
  ];
  return [
    {
      name: 'etcd',
      from: { packages: ['etcd-server'] },
      argv: [
        'etcd',
        `--data-dir=${join(folder, 'etcd')}`,
        `--listen-client-urls=http://127.0.0.1:${ports.etcd}`,
        `--advertise-client-urls=http://127.0.0.1:${ports.etcd}`,
        `--listen-peer-urls=http://127.0.0.1:${ports.etcdPeer}`,
        '--log-level=warn',
        '--unsafe-no-fsync',
      ],
      ready: () => answers(`http://127.0.0.1:${ports.etcd}/health`, [200]),
    },
    {
      name: API_SERVER,
      from: { module: 'kubernetes' },
      needs: ['etcd'],
      argv: [
        'kube-apiserver',
        ...serving,
        `--secure-port=${ports.apiserver}`,
        '--advertise-address=127.0.0.1',
        '--endpoint-reconciler-type=none',
        `--etcd-servers=http://127.0.0.1:${ports.etcd}`,
        `--service-cluster-ip-range=${SERVICE_NETWORK}`,
        '--authorization-mode=Node,RBAC',
        '--enable-admission-plugins=NodeRestriction',
        '--allow-privileged',
        '--feature-gates=ImageVolume=true',
        `--client-ca-file=${certificate(folder, 'ca')}`,
        `--kubelet-certificate-authority=${certificate(folder, 'ca')}`,
        `--kubelet-client-certificate=${certificate(folder, 'kubelet-client')}`,
        `--kubelet-client-key=${privateKey(folder, 'kubelet-client')}`,
        '--kubelet-preferred-address-types=InternalIP',
        '--service-account-issuer=https://kubernetes.default.svc',
        `--service-account-key-file=${certificate(folder, 'service-account')}`,
        `--service-account-signing-key-file=${privateKey(folder, 'service-account')}`,
      ],
      ready: () => answers(`https://127.0.0.1:${ports.apiserver}/readyz`, [200], folder),
    },
    {
      name: 'kube-controller-manager',
      from: { module: 'kubernetes' },
      needs: [API_SERVER],
      argv: [
        'kube-controller-manager',
        ...serving,
        `--secure-port=${ports.controllerManager}`,
        `--kubeconfig=${kubeconfig(folder, CONTROLLER_MANAGER)}`,
        `--root-ca-file=${certificate(folder, 'ca')}`,
        `--service-account-private-key-file=${privateKey(folder, 'service-account')}`,
        '--use-service-account-credentials',
        '--controllers=*,-node-ipam-controller',
        '--leader-elect=false',
      ],
      ready: () => answers(`https://127.0.0.1:${ports.controllerManager}/healthz`, [200], folder),
    },
    {
      name: 'kube-scheduler',
      from: { module: 'kubernetes' },
      needs: [API_SERVER],
      argv: [
        'kube-scheduler',
        ...serving,
        `--secure-port=${ports.scheduler}`,
        `--kubeconfig=${kubeconfig(folder, SCHEDULER)}`,
        '--leader-elect=false',
        // a pod whose claim is bound while it is being tried may be missed, and waits for this long: 5 minutes by default
        '--pod-max-in-unschedulable-pods-duration=20s',
      ],
      ready: () => answers(`https://127.0.0.1:${ports.scheduler}/healthz`, [200], folder),
    },
  ];
};
