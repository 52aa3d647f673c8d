#!/bin/sh
# Runs first in a node's own mount namespace: gives it a root of its own, in which it may write wherever it likes. It has the
# machine's programs and settings, but not what the machine's own containerd, kubelet and preloads have.
# usage: root.sh WRITABLE LIB SHARED...
#   WRITABLE  where what the node writes is kept; LIB/NAME becomes /var/lib/NAME; SHARED folders look the same inside
set -eu

writable=$1
lib=$2
shift 2

mkdir -p "$writable/upper" "$writable/work" "$writable/hidden"
sh "$(dirname "$0")/hide-machine.sh" "$writable/hidden"
mount -t overlay overlay -o "lowerdir=$writable/hidden:/,upperdir=$writable/upper,workdir=$writable/work" /mnt
mkdir -p /mnt/var/lib /mnt/var/log /mnt/var/tmp
chmod 1777 /mnt/var/tmp
ln -sfn /run /mnt/var/run

for folder in /proc /sys /dev "$@"; do
  mkdir -p "/mnt$folder"
  mount --rbind "$folder" "/mnt$folder"
done
mount -t tmpfs -o mode=755 tmpfs /mnt/run

# overlayfs cannot hold another overlay's layers, so these are folders of the machine's own file system
for folder in "$lib"/*; do
  mkdir -p "/mnt/var/lib/${folder##*/}"
  mount --bind "$folder" "/mnt/var/lib/${folder##*/}"
done

# a node whose large disk is mounted at /mnt, where its containerd has its root, directly or by a link
if [ -e /mnt/opt/agent ]; then
  mkdir -p /mnt/mnt/agent/containerd
  mount --bind "$lib/agent" /mnt/mnt/agent/containerd
  umount /mnt/var/lib/containerd
  rmdir /mnt/var/lib/containerd
  ln -s /mnt/agent/containerd /mnt/var/lib/containerd
fi

mkdir -p /mnt/preload
cd /mnt
pivot_root . .
umount -l .
mount --make-rshared /

: >/run/booted
exec sleep infinity
