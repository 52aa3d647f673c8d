# --- the node's containerd ---

connect() {
  [ "$(id -u)" = 0 ] || fail 4 'restore.sh must run as root'
  [ -d "$tmp" ] || fail 4 "cannot write to $run"
  find_ctr "$ctr"
  sockets=$(field address)
  sockets="${sockets:+$sockets }/run/containerd/containerd.sock /run/k3s/containerd/containerd.sock"
  sockets="$sockets /run/k0s/containerd.sock /var/snap/microk8s/common/run/containerd.sock"
  sockets=${address:-$sockets}
  [ -n "$namespace" ] || namespace=${CONTAINERD_NAMESPACE:-$(field namespace)}
  namespace=${namespace:-k8s.io}
  export CONTAINERD_NAMESPACE="$namespace" CONTAINERD_SUPPRESS_DEPRECATION_WARNINGS=true

  start=$(now)
  until find_containerd; do
    ! late "$start" || fail 4 "no containerd answered at $sockets within $wait s; check that it is running, raise --wait, or specify its socket with --address"
    pause
  done
  waited=$(since "$start")
  client=$(sed -n '/^Client/,/^Server/s/^ *Version: *v\{0,1\}\([0-9.]*\).*/\1/p' "$tmp/version")
  server=$(sed -n '/^Server/,$s/^ *Version: *v\{0,1\}\([0-9.]*\).*/\1/p' "$tmp/version")
  $ctr plugins ls >"$tmp/plugins" || fail 4 "cannot list the plugins of containerd at $address"
  find_snapshotter
  export CONTAINERD_SNAPSHOTTER="$snapshotter"
}

find_ctr() {
  [ -z "$1" ] || command -v "${1%% *}" >/dev/null || fail 4 "--ctr $1: command not found"
  [ -n "$1" ] || set -- "$(field ctr)" ctr 'k3s ctr' /var/lib/rancher/rke2/bin/ctr 'k0s ctr' microk8s.ctr
  for ctr in "$@"; do
    [ -z "$ctr" ] || ! command -v "${ctr%% *}" >/dev/null || return 0
  done
  fail 4 "cannot find ctr; specify it with --ctr"
}

find_containerd() {
  for address in $sockets; do
    export CONTAINERD_ADDRESS="$address"
    [ ! -S "$address" ] || ! $ctr --connect-timeout 2s --timeout 5s version >"$tmp/version" 2>/dev/null || return 0
  done
  return 1
}

plugin_ok() { awk -v type="$1" -v id="$2" '$1 == type && $2 == id && $NF == "ok" { ok = 1 } END { exit !ok }' "$tmp/plugins"; }

# Finds the snapshotter of the CRI plugin; the kubelet cannot use images in any other.
find_snapshotter() {
  snapshotter=overlayfs
  has_cri || return 0
  found=$(cri imagefsinfo | sed -n 's/.*"mountpoint": ".*\/io\.containerd\.snapshotter\.v1\.\([a-z]*\)".*/\1/p')
  [ -n "$found" ] || found=$(containerd_config | awk '
    /^ *\[/ { cri = /cri.\.containerd\]|cri\.v1\.images.\]/ }
    cri && $1 == "snapshotter" { gsub(/["\047]/, "", $3); print $3; exit }')
  if [ -n "$found" ]; then
    snapshotter=$found
  else
    log 'cannot determine which snapshotter CRI uses; assuming overlayfs'
  fi
}

# Prints the configuration of the containerd that listens on $address: its dump, or its file if that fails.
containerd_config() (
  set +f
  mounts=$(readlink /proc/self/ns/mnt)
  for process in /proc/[0-9]*; do
    read -r name 2>/dev/null <"$process/comm" || continue
    { [ "$name" = containerd ] && [ "$(readlink "$process/ns/mnt")" = "$mounts" ]; } || continue
    set -- && file='' previous=''
    while read -r word; do
      case $previous in -c | --config) file=$word ;; esac
      case $word in -c=* | --config=*) file=${word#*=} ;; esac
      previous=$word
      set -- "$@" "$word"
    done <<END
$(tr '\0' '\n' <"$process/cmdline" | sed 1d)
END
    config=$("$process/exe" ${file:+--config "$file"} config dump 2>/dev/null || cat "$file")
    case "$* $config" in *"${address#/var}"*) printf '%s\n' "$config" && return ;; esac
  done
)
