#!/bin/sh
# Runs a command as if this machine were a node that has restored a preload: on a root of its own, so that the machine
# itself and whoever else works on it see nothing of that. All files it adds mention "left-by-the-machine".
# usage: restored-machine.sh COMMAND...
set -eu

[ "${1-}" = --inside ] || exec unshare --mount --propagation private sh "$0" --inside "$PWD" "$@"
folder=$2
shift 2

mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
for shared in /proc /sys /dev "${TMPDIR:-/tmp}"; do
  mount --rbind "$shared" "/mnt/root$shared"
done
mount -t tmpfs -o mode=755 tmpfs /mnt/root/run
cd /mnt/root
pivot_root . .
umount -l .
cd "$folder"

add() {
  mkdir -p "$(dirname "$1")"
  cat >"$1"
}

state=/var/lib/kubectl-preload
set=0123456789ab
add $state/record/$set/preload.json <<END
{ "format": 1, "complete": true, "set": "$set", "uuid": "left-by-the-machine" }
END
add $state/record/$set/restore/names <<END
left-by-the-machine.test/app:1 sha256:$(printf %064d 1) sha256:$(printf %064d 2)
END
ln -s /left-by-the-machine $state/$set
add /run/kubectl-preload/restore.json <<END
{"action":"restore","exitCode":0,"message":"left-by-the-machine","seconds":1.0,"set":"$set","mode":"link","missing":[]}
END
for service in containerd k3s; do
  add /etc/systemd/system/$service.service.d/kubectl-preload-$set.conf <<END
[Unit]
RequiresMountsFor=/left-by-the-machine
[Service]
ExecStartPre=/bin/sh -c 'test -f $state/$set/preload.json'
END
done

add /preload/preload.json <$state/record/$set/preload.json
add /etc/containerd/certs.d/_default/hosts.toml <<END
server = "http://left-by-the-machine.test"
END
add /etc/containerd/conf.d/machine.toml <<END
imports = ["/left-by-the-machine.toml"]
END
add /etc/cni/net.d/00-machine.conflist <<END
{ "cniVersion": "0.4.0", "name": "left-by-the-machine", "plugins": [{ "type": "loopback" }] }
END
add /etc/crictl.yaml <<END
runtime-endpoint: unix:///run/left-by-the-machine.sock
END
add /var/lib/kubelet/config.json <<END
{ "auths": { "left-by-the-machine.test": { "auth": "dXNlcjpwYXNzd29yZA==" } } }
END
add /root/.docker/config.json </var/lib/kubelet/config.json
export CONTAINERD_ADDRESS=/run/left-by-the-machine.sock CONTAINERD_NAMESPACE=left-by-the-machine

exec "$@"
