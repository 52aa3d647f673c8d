import { bootScript } from './boot-script.ts';
import { heading, type Recipe } from './recipe.ts';

export const kubeadm: Recipe = {
  target: 'kubeadm',
  describe: 'shell script that prepares a machine and joins it with kubeadm',
  text: (disk) => `${bootScript(disk).replace(
    '#!/bin/sh\n',
    `#!/bin/sh
${heading(
  disk,
  'Attach a disk made from the snapshot, and run this as root instead of kubeadm join.',
  'Adapt the end of the script: "kubeadm token create --print-join-command" on a',
  'control plane node prints the address, the token and the hash of the CA.',
)}

`,
  )}
cat >/etc/preload-join.yaml <<'END'
# for kubeadm 1.31 or newer; before: kubeadm.k8s.io/v1beta3
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery:
  bootstrapToken:
    apiServerEndpoint: control-plane.example.com:6443
    token: abcdef.0123456789abcdef
    caCertHashes:
      - sha256:${'0'.repeat(64)}
nodeRegistration:
  criSocket: unix:///run/containerd/containerd.sock
END
kubeadm join --config /etc/preload-join.yaml`,
};
