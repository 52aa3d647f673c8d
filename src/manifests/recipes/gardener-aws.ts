import { EBS, instanceType } from './aws.ts';
import { runningNodeScript } from './boot-script.ts';
import { architecture, gibibytes, heading, indent, type Recipe } from './recipe.ts';

export const gardenerAws: Recipe = {
  target: 'gardener-aws',
  describe: 'worker pool of a Shoot on AWS, and the DaemonSet that its nodes need',
  ...EBS,
  text: (disk) => `${heading(
    disk,
    'Gardener has no user data: a DaemonSet restores the images as soon as a node has',
    'joined, and from its second boot on, before its kubelet starts. Pods that start',
    'before that pull their images.',
    '1. Add this worker pool to your Shoot; adapt its size and root disk. A change of the',
    '   snapshot replaces the nodes, so to renew, add another pool and remove this one.',
  )}
spec:
  provider:
    workers:
      - name: preload
        machine:
          type: ${instanceType(disk)}
          architecture: ${architecture(disk)}
        minimum: 1
        maximum: 10
        labels:
          preload/disk: "true"
        volume:
          type: gp3
          size: 50Gi
        dataVolumes:
          - name: preload
            type: gp3
            size: ${gibibytes(disk)}Gi
        providerConfig:
          apiVersion: aws.provider.extensions.gardener.cloud/v1alpha1
          kind: WorkerConfig
          dataVolumes:
            - name: preload
              snapshotID: ${disk.snapshotId}
---
# 2. Apply this in the shoot cluster. It needs a namespace that allows privileged pods.
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: preload-disk
  namespace: kube-system
spec:
  selector:
    matchLabels: { app.kubernetes.io/name: preload-disk }
  template:
    metadata:
      labels: { app.kubernetes.io/name: preload-disk }
    spec:
      nodeSelector: { preload/disk: "true" }
      tolerations:
        - operator: Exists
      priorityClassName: system-node-critical
      automountServiceAccountToken: false
      hostPID: true
      initContainers:
        - name: restore
          image: docker.io/library/debian:stable-slim
          securityContext: { privileged: true }
          command: [nsenter, --target=1, --mount, --, /bin/sh, -c]
          args:
            - |
${indent(14, runningNodeScript(disk)).trimEnd()}
      containers:
        - name: done
          image: docker.io/library/debian:stable-slim
          command: [sleep, infinity]`,
};
