import { restoreScript } from './boot-script.ts';
import { heading, indent, type Recipe } from './recipe.ts';

export const flatcar: Recipe = {
  target: 'flatcar',
  describe: 'Butane configuration for Flatcar Container Linux',
  text: (disk) => `${heading(
    disk,
    'Attach a disk made from the snapshot; the device name does not matter.',
    'Merge this into your configuration, and translate it with butane. The kubelet',
    'must be a unit with the name kubelet.service; it starts only with the images.',
  )}
variant: flatcar
version: 1.1.0
storage:
  files:
    - path: /etc/preload/restore.sh
      contents:
        inline: |
${indent(10, restoreScript(disk))}
systemd:
  units:
    - name: preload.mount
      contents: |
        [Unit]
        Description=Disk of preload ${disk.name}

        [Mount]
        What=/dev/disk/by-uuid/${disk.filesystem}
        Where=/preload
        Options=ro
    - name: preload-restore.service
      enabled: true
      contents: |
        [Unit]
        Description=Images of preload ${disk.name}
        RequiresMountsFor=/preload
        Wants=containerd.service
        After=containerd.service
        Before=kubelet.service

        [Service]
        Type=oneshot
        RemainAfterExit=yes
        ExecStart=/bin/sh /etc/preload/restore.sh

        [Install]
        RequiredBy=kubelet.service`,
};
