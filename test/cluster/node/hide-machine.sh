#!/bin/sh
# Makes a layer for the overlays of a node's root. It hides what this machine's own containerd, kubelet, tools and preloads
# have: a node of a test is the same on every machine.
# usage: hide-machine.sh LAYER
set -eu
umask 022

cd "$1"
for path in \
  etc/cdi etc/cni etc/containerd etc/crictl.yaml etc/docker etc/kubernetes etc/nri etc/systemd \
  opt/containerd opt/nri preload root/.docker var; do
  folder=$(dirname "$path")
  mkdir -p "$folder"
  [ ! -d "/$folder" ] || chmod --reference="/$folder" "$folder"
  [ -e "$path" ] || mknod "$path" c 0 0 # as overlayfs marks what a layer hides
done
