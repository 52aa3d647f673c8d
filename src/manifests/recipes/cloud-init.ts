import { bootScript } from './boot-script.ts';
import { heading, indent, type Recipe } from './recipe.ts';

export const cloudInit: Recipe = {
  target: 'cloud-init',
  describe: 'user data for any machine with a disk from the snapshot',
  text: (disk) => `#cloud-config
${heading(
  disk,
  'Attach a disk made from the snapshot to the machine; the device name does not matter.',
  'If your machines join in another way, such as kubeadm join, write that instead',
  'of "systemctl start kubelet".',
)}
write_files:
  - path: /etc/preload/install.sh
    content: |
${indent(6, bootScript(disk))}
runcmd:
  - sh /etc/preload/install.sh && systemctl start kubelet || exit 1`,
};
