import { EBS, FLAGS, instanceType } from './aws.ts';
import { bootScript } from './boot-script.ts';
import { gibibytes, heading, indent, type Recipe } from './recipe.ts';

export const eksctl: Recipe = {
  target: 'eksctl',
  describe: 'managed node group of eksctl, with Amazon Linux 2023',
  ...EBS,
  text: (disk) => `${heading(
    disk,
    'Adapt the name of the cluster, its region and the size of the group. Then:',
    '  eksctl create nodegroup -f FILE',
    'To renew: create a new preload, print this again and create its node group; then',
    'delete the old one. eksctl cannot set how fast AWS fills the disk.',
  )}
apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata:
  name: my-cluster
  region: ${disk.region ?? 'my-region'}
managedNodeGroups:
  - name: "${disk.name}"
    amiFamily: AmazonLinux2023
    instanceType: ${instanceType(disk)}
    minSize: 1
    maxSize: 10
    volumeSize: 20
    additionalVolumes:
      - volumeName: /dev/xvdb
        snapshotID: ${disk.snapshotId}
        volumeSize: ${gibibytes(disk)}
        volumeType: gp3
    preBootstrapCommands:
      - |
${indent(8, bootScript(disk, FLAGS)).trimEnd()}`,
};
