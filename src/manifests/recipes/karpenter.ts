import type { NodeDisk } from '../../model/node-disk.ts';
import { EBS, FLAGS, RATE } from './aws.ts';
import { bootScript } from './boot-script.ts';
import { architecture, heading, indent, type Recipe } from './recipe.ts';

const nodeClass = (disk: NodeDisk): string => `apiVersion: karpenter.k8s.aws/v1
kind: EC2NodeClass
metadata:
  name: preload
spec:
  role: KarpenterNodeRole-my-cluster
  amiSelectorTerms:
    - alias: al2023@latest
  subnetSelectorTerms:
    - tags: { karpenter.sh/discovery: my-cluster }
  securityGroupSelectorTerms:
    - tags: { karpenter.sh/discovery: my-cluster }
  blockDeviceMappings:
    # the root disk: Karpenter has no default for it if this list is there
    - deviceName: /dev/xvda
      ebs: { volumeSize: 20Gi, volumeType: gp3, encrypted: true, deleteOnTermination: true }
    - deviceName: /dev/xvdb
      ebs:
        snapshotID: ${disk.snapshotId}
        volumeType: gp3
        volumeInitializationRate: 300
        deleteOnTermination: true
  userData: |
${indent(4, bootScript(disk, FLAGS))}`;

const nodePool = (disk: NodeDisk): string => `apiVersion: karpenter.sh/v1
kind: NodePool
metadata:
  name: preload
spec:
  template:
    spec:
      nodeClassRef: { group: karpenter.k8s.aws, kind: EC2NodeClass, name: preload }
      requirements:
        - { key: kubernetes.io/os, operator: In, values: [linux] }
        - { key: kubernetes.io/arch, operator: In, values: [${architecture(disk)}] }
        - { key: karpenter.sh/capacity-type, operator: In, values: [on-demand] }
      expireAfter: 720h
      # Not needed, because the kubelet starts only with the images. If you fill nodes with
      # "kubectl preload recipe daemonset" instead, it removes this taint:
      # startupTaints:
      #   - { key: preload/not-ready, effect: NoSchedule }
  disruption:
    consolidationPolicy: WhenEmptyOrUnderutilized
    consolidateAfter: 1m
    budgets:
      - nodes: 10%
      # a new preload changes the EC2NodeClass, which counts as drift of all its nodes
      - { nodes: "0", reasons: [Drifted] }`;

export const karpenter: Recipe = {
  target: 'karpenter',
  describe: 'EC2NodeClass and NodePool of Karpenter on AWS, with Amazon Linux 2023',
  ...EBS,
  text: (disk) => `${heading(
    disk,
    'Adapt my-cluster, the root disk and the requirements.',
    ...RATE,
    'To renew: create a new preload, print this again and apply it. New nodes use it at',
    'once. Those that run stay, because the budget for drift is 0, until expireAfter',
    'ends them. A new AMI counts as drift, too: to replace nodes sooner, raise the budget.',
  )}
${nodeClass(disk).trimEnd()}
---
${nodePool(disk)}`,
};
