import type { NodeDisk } from '../../model/node-disk.ts';

/** Lines of shell that check what the volume at /preload says, and its script, before anything of it runs. */
const checks = ({ contentsDigest }: NodeDisk): string => `
echo "${contentsDigest.replace('sha256:', '')}  /preload/preload.json" | sha256sum -c
sed -n 's|^ *"restore.sh": "sha256:\\(.*\\)",*$|\\1  /preload/restore.sh|p' /preload/preload.json | sha256sum -c
`;

const mount = ({ filesystem }: NodeDisk): string =>
  `mountpoint -q /preload || timeout 60 sh -c 'until mount -o ro UUID=${filesystem} /preload; do sleep 1; done'`;

/**
 * A script for the first boot, before the kubelet starts. It installs the units that restore the images at every boot; until
 * that has succeeded, the kubelet cannot start. Has nothing that here-documents or HCL would replace, except `$gate`.
 */
export const bootScript = (disk: NodeDisk, flags: readonly string[] = []): string => `#!/bin/sh
set -eu
# While this file exists, the kubelet does not start: a node without its images must not join.
gate=/etc/systemd/system/kubelet.service.d/preload-gate.conf
mkdir -p /etc/systemd/system/kubelet.service.d /preload
printf '[Unit]\\nAssertPathExists=!%s\\n' "$gate" >"$gate"
systemctl daemon-reload
systemctl stop kubelet.service || true

# Mount the disk, wherever it is attached, and check its contents.
${mount(disk)}
${checks(disk).trim()}

# Restore the images at every boot, before the kubelet starts.
${['sh /preload/restore.sh --install --expect', disk.contentsDigest, ...flags].join(' ')}
rm "$gate"
systemctl daemon-reload
`;

/** A script for every boot, for a unit that runs between containerd and the kubelet, with the disk mounted. */
export const restoreScript = (disk: NodeDisk): string => `#!/bin/sh
set -eu
${checks(disk).trim()}
exec sh /preload/restore.sh --expect ${disk.contentsDigest}
`;

/** A script for a node that already runs: restores the images now, and at every boot. */
export const runningNodeScript = (disk: NodeDisk): string => `set -eu
mkdir -p /preload
${mount(disk)}
${checks(disk).trim()}
sh /preload/restore.sh --expect ${disk.contentsDigest}
sh /preload/restore.sh --install --expect ${disk.contentsDigest}
`;
