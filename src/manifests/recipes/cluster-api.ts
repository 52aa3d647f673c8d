import type { NodeDisk } from '../../model/node-disk.ts';
import { bootScript } from './boot-script.ts';
import { gibibytes, heading, indent, type Recipe } from './recipe.ts';

/** Templates cannot be changed, so each preload gets its own. */
const NOTES = [
  'The templates have the name of the preload, since templates cannot change. Let your',
  'MachineDeployment use both:',
];

const useTemplates = ({ name }: NodeDisk, machineTemplate: string): string[] => [
  `  spec.template.spec.infrastructureRef: ${machineTemplate} ${name}`,
  `  spec.template.spec.bootstrap.configRef: KubeadmConfigTemplate ${name}`,
  'which replaces its machines. To let only new machines use it, set the strategy',
  '(spec.rollout.strategy.type, before v1beta2 spec.strategy.type) to OnDelete first.',
];

const kubeadmConfigTemplate = (disk: NodeDisk, flags: readonly string[]): string => `
# before Cluster API 1.11: bootstrap.cluster.x-k8s.io/v1beta1
apiVersion: bootstrap.cluster.x-k8s.io/v1beta2
kind: KubeadmConfigTemplate
metadata:
  name: "${disk.name}"
spec:
  template:
    spec:
      files:
        - path: /etc/preload/install.sh
          content: |
${indent(12, bootScript(disk, flags))}
      preKubeadmCommands:
        - sh /etc/preload/install.sh || exit 1
      joinConfiguration:
        nodeRegistration:
          criSocket: unix:///run/containerd/containerd.sock`;

export const caposc: Recipe = {
  target: 'caposc',
  describe: 'machines of Cluster API for Outscale (CAPOSC), set up by kubeadm',
  drivers: ['bsu.csi.outscale.com'],
  platforms: ['linux/amd64'],
  text: (disk) => `${heading(
    disk,
    'Needs version 1.2 or newer. Adapt the image, the key pair and the type of the machines.',
    ...NOTES,
    ...useTemplates(disk, 'OscMachineTemplate'),
  )}
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: OscMachineTemplate
metadata:
  name: "${disk.name}"
spec:
  template:
    spec:
      node:
        image:
          name: ubuntu-2204-kubernetes-my-version
        vm:
          keypairName: my-keypair
          vmType: tinav7.c4r8p1
        volumes:
          - device: /dev/xvdb
            fromSnapshot: ${disk.snapshotId}
            size: ${gibibytes(disk)}
            volumeType: gp2
---${kubeadmConfigTemplate(disk, ['--prewarm'])}`,
};

const snapshotOfDisk = ({ name, driver, snapshotId }: NodeDisk): string => `apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshotContent
metadata:
  name: preload-disk-${name}
spec:
  deletionPolicy: Retain
  driver: ${driver}
  source:
    snapshotHandle: "${snapshotId}"
  # virtual machines get it as a disk, not as a folder with files
  sourceVolumeMode: Block
  volumeSnapshotRef:
    name: ${name}-disk
    namespace: my-machines
---
apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshot
metadata:
  name: ${name}-disk
  namespace: my-machines
spec:
  source:
    volumeSnapshotContentName: preload-disk-${name}`;

const kubevirtMachineTemplate = (disk: NodeDisk): string => `apiVersion: infrastructure.cluster.x-k8s.io/v1alpha1
kind: KubevirtMachineTemplate
metadata:
  name: "${disk.name}"
spec:
  template:
    spec:
      virtualMachineBootstrapCheck:
        checkStrategy: ssh
      virtualMachineTemplate:
        metadata:
          namespace: my-machines
        spec:
          runStrategy: Always
          dataVolumeTemplates:
            - metadata:
                name: preload
              spec:
                source:
                  snapshot:
                    name: ${disk.name}-disk
                    namespace: my-machines
                pvc:
                  accessModes: [ReadWriteOnce]
                  volumeMode: Block
                  resources:
                    requests:
                      storage: ${gibibytes(disk)}Gi
                  storageClassName: my-storage-class
          template:
            spec:
              architecture: ${disk.platform.split('/')[1]}
              domain:
                cpu:
                  cores: 2
                memory:
                  guest: 4Gi
                devices:
                  disks:
                    - name: root
                      disk:
                        bus: virtio
                    - name: preload
                      disk:
                        bus: virtio
              evictionStrategy: External
              volumes:
                - name: root
                  containerDisk:
                    image: quay.io/capk/ubuntu-2204-container-disk:my-version
                - name: preload
                  dataVolume:
                    name: preload`;

export const capk: Recipe = {
  target: 'capk',
  describe: 'machines of Cluster API for KubeVirt (CAPK), set up by kubeadm',
  text: (disk) => `${heading(
    disk,
    'Adapt my-machines, the namespace of the virtual machines, and my-storage-class, a',
    `class of ${disk.driver}, as well as the image of the root disk. The first two`,
    'objects belong in the cluster that runs the virtual machines, which must have the',
    'storage of the snapshot; the others in the management cluster.',
    ...NOTES,
    ...useTemplates(disk, 'KubevirtMachineTemplate'),
  )}
${snapshotOfDisk(disk)}
---
${kubevirtMachineTemplate(disk)}
---${kubeadmConfigTemplate(disk, [])}`,
};
