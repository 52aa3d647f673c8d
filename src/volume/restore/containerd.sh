# --- the node's containerd ---

# Finds ctr, and the sockets where containerd may answer.
find_client() {
  find_ctr "$ctr"
  field address
  sockets="${value:+$value }/run/containerd/containerd.sock /run/k3s/containerd/containerd.sock"
  sockets="$sockets /run/k0s/containerd.sock /var/snap/microk8s/common/run/containerd.sock"
  given=$address sockets=${address:-$sockets}
  field namespace
  namespace=${namespace:-${CONTAINERD_NAMESPACE:-${value:-k8s.io}}}
  export CONTAINERD_NAMESPACE="$namespace" CONTAINERD_SUPPRESS_DEPRECATION_WARNINGS=true
}

# Asks the program of the containerd that runs as $process, which is in memory: ctr and crictl take long to load from a disk.
# Fails if its arguments may tell another address than its configuration.
ask_program() {
  read_arguments "$process"
  case "$arguments " in *' -a'* | *' --a'*) return 1 ;; esac
  (worker=version && within 5 "$process/exe" --version >"$tmp/version" 2>/dev/null) &
  asking_version=$!
  worker=program
  dump_config "$process" >"$tmp/config"
  answered=$?
  wait "$asking_version" && return "$answered"
}

# Whether it has said all that mode store needs. The check of the images afterwards needs crictl.
told_by_program() {
  { [ -n "$asking" ] && wait "$asking" && find_crictl; } || return
  server=$(version_of_program <"$tmp/version") cri_uses=$(cri_snapshotter <"$tmp/config")
  { [ -n "$cri_uses" ] && ! grep -q '^ *disabled_plugins = .*cri' "$tmp/config"; } || return
  for address in $sockets; do
    address=${address#unix://}
    { [ -S "$address" ] && grep -q "address = [\"']${address}[\"']" "$tmp/config"; } || continue
    snapshotter=$cri_uses
    export CONTAINERD_ADDRESS="$address" CONTAINERD_SNAPSHOTTER="$snapshotter"
    return
  done
  return 1
}

version_of_program() { sed 's/.* v\{0,1\}\([0-9][0-9.]*\).*/\1/;q'; }

# Asks containerd itself, unless that has happened.
connect() {
  [ -z "$connected" ] || return 0
  start=$(now)
  until find_containerd; do
    [ "$action" != undo ] || lift_guard
    ! late "$start" || fail_without_containerd
    pause
  done
  waited=$(since "$start")
  read_version <"$tmp/version"
  find_snapshotter
  export CONTAINERD_SNAPSHOTTER="$snapshotter"
  connected=yes
}

# Sets client, server and server_id from what `ctr version` prints.
read_version() {
  server_id=unknown
  while read -r key value _; do
    value=${value#v}
    case $key in
      Client:) of=client ;;
      Server:) of=server ;;
      Version:) if [ "$of" = client ]; then client=${value%%[!0-9.]*}; else server=${value%%[!0-9.]*}; fi ;;
      UUID:) server_id=$value ;;
    esac
  done
}

find_ctr() {
  [ -z "$1" ] || command -v "${1%% *}" >/dev/null || fail 4 "--ctr $1: command not found"
  field ctr
  [ -n "$1" ] || set -- "$value" ctr 'k3s ctr' /var/lib/rancher/rke2/bin/ctr 'k0s ctr' microk8s.ctr
  for ctr in "$@"; do
    [ -z "$ctr" ] || ! command -v "${ctr%% *}" >/dev/null || return 0
  done
  fail 4 "cannot find ctr; specify it with --ctr"
}

# Docker, for example, has a containerd without CRI beside the kubelet's.
find_containerd() {
  without_cri=''
  for address in $sockets; do
    address=${address#unix://}
    export CONTAINERD_ADDRESS="$address"
    has_answered || continue
    { [ -n "$given" ] || [ "$namespace" != k8s.io ] || has_cri; } && return
    without_cri=$address
  done
  return 1
}

has_answered() {
  rm -f "$tmp/plugins"
  ask || return
  read -r cri_uses <"$tmp/snapshotter" || :
}

# Asks containerd and CRI, both at once, because these programs take long to load. Fails if containerd does not answer.
ask() {
  [ -S "$address" ] || return
  ask_cri_for_snapshotter &
  asking_cri=$!
  # shellcheck disable=SC2086 # words without spaces, here and below
  within 5 $ctr --connect-timeout 2s version >"$tmp/version" 2>/dev/null
  answered=$?
  wait "$asking_cri"
  return "$answered"
}

# The default one comes first, before others in use.
ask_cri_for_snapshotter() {
  worker=snapshotter
  cri imagefsinfo | sed -n '/"mountpoint":/{s/.*\/io\.containerd\.snapshotter\.v1\.\([a-z-]*\)".*/\1/p;q;}' >"$tmp/snapshotter"
}

# Lists the plugins of containerd, once.
list_plugins() {
  # shellcheck disable=SC2086
  [ -e "$tmp/plugins" ] || within 5 $ctr plugins ls </dev/null >"$tmp/plugins" 2>/dev/null
}

fail_without_containerd() {
  if [ -n "$without_cri" ]; then
    fail 4 "containerd at $without_cri has no CRI plugin, so the kubelet does not use it; start the kubelet's containerd, or specify its socket with --address$(guard_hint)"
  else
    fail 4 "no containerd answered at $sockets within $wait s; check that it is running, raise --wait, or specify its socket with --address$(guard_hint)"
  fi
}

plugin_ok() {
  list_plugins
  while read -r type id rest; do
    case "$type $id ${rest##* }" in "$1 $2 ok") return ;; esac
  done <"$tmp/plugins"
  return 1
}

# Finds the snapshotter of the CRI plugin; the kubelet cannot use images in any other.
find_snapshotter() {
  snapshotter=overlayfs
  has_cri || return 0
  found=${cri_uses:-$(containerd_config | cri_snapshotter)}
  if [ -n "$found" ]; then
    snapshotter=$found
  else
    log 'cannot determine which snapshotter CRI uses; assuming overlayfs'
  fi
}

cri_snapshotter() {
  awk '
    /^ *\[/ { cri = /cri.\.containerd\]|cri\.v1\.images.\]/ }
    cri && $1 == "snapshotter" { gsub(/["\047]/, "", $3); print $3; exit }'
}

# Prints the configuration of the containerd that listens on $address: its dump, or its file if that fails.
containerd_config() (
  set +f
  mounts=$(readlink /proc/self/ns/mnt)
  for process in /proc/[0-9]*; do
    read -r name 2>/dev/null <"$process/comm" || continue
    { [ "$name" = containerd ] && [ "$(readlink "$process/ns/mnt")" = "$mounts" ] && is_of_root "$process"; } || continue
    read_arguments "$process"
    config=$(dump_config "$process" || cat "$file")
    case "$arguments $config" in *"${address#/var}"*) printf '%s\n' "$config" && return ;; esac
  done
)

# Prints the configuration of the containerd with folder $1 in /proc; $file is its file, if its arguments name one.
dump_config() { within 5 "$1/exe" ${file:+--config "$file"} config dump 2>/dev/null; }

# Whether the process with folder $1 in /proc is root's. Nobody else's program may run as root.
is_of_root() { grep -qs '^Uid:.0.0.0.0$' "$1/status"; }

# Sets arguments to those of the containerd with folder $1 in /proc, and file to its configuration file if they name one.
read_arguments() {
  arguments='' file='' previous=''
  while read -r word; do
    case $previous in -c | --config) file=$word ;; esac
    case $word in -c=* | --config=*) file=${word#*=} ;; esac
    previous=$word arguments="$arguments $word"
  done <<END
$(tr '\0' '\n' <"$1/cmdline" | sed 1d)
END
}
