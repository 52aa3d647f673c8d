# --- before containerd has started: only mode store can do anything then ---

before_containerd() {
  mode='store' asked='store'
  lock
  end_swap
  { find_stopped_containerd && prepare_start; } || fail "$fault" "cannot use the store: $why; once containerd runs, run restore.sh without --before-containerd"
  log "before containerd: $message"
}

# For --install: containerd then need not restart at the first boot.
prepare_first_start() {
  case $mode in auto | store) ;; *) return 1 ;; esac
  end_swap
  find_stopped_containerd && prepare_start
}

# Lets the next start of containerd use the seed. Sets message; if that is not possible, why and fault.
prepare_start() {
  has_seed && has_layers && can_stage && check_folders && check_store_room || return
  checked=-
  if [ -e "$root/$metadata/meta.db" ]; then
    checked=$(checksum_of_store)
    ask_copy || return
    ! has_all "$tmp/snapshots" "$layers" || { message=$nothing_new && return; }
    [ ! -s "$tmp/losses" ] || { why=$(sed q "$tmp/losses") && return 1; }
  fi
  start=$(now)
  check_seed
  keep_record
  prepare_swap || { why="the swap cannot be prepared: $(sed '$!d' "$tmp/errors")" && drop_depot && return 1; }
  unpack_seed || { why="the seed cannot be unpacked: $(sed '$!d' "$tmp/unpacked")" && drop_depot && return 1; }
  hold_volume
  swap_at_start
  message="containerd starts with the images of set $set"
  phase stage "$start" "$message"
}

# Sets what is known of a containerd that does not run: server, root, ctr and namespace. Sets why if it does run.
find_stopped_containerd() {
  fault=4 why='containerd has started already'
  find_ctr "$ctr"
  command=$(command -v containerd)
  if has_systemd; then
    case $(systemctl is-active containerd.service 2>/dev/null) in inactive | failed | unknown) ;; *) return 1 ;; esac
    command=$(systemctl show --property=ExecStart --value containerd.service | sed -n 's/.*argv\[\]=\([^;]*\) ;.*/\1/p')
  fi
  program=${command%% *}
  [ -n "$program" ] || { why='there is no containerd' && return 1; }
  server=$("$program" --version | version_of_program)
  # shellcheck disable=SC2086 # words without spaces
  $command config dump >"$tmp/config" 2>/dev/null || { why="the configuration of $program cannot be read" && return 1; }
  root=$(setting root) namespace=k8s.io
  [ ! -e "$root/$metadata/meta.db" ] || ! command -v flock >/dev/null || flock -n "$root/$metadata/meta.db" true || return
  snapshotter=$(cri_snapshotter <"$tmp/config")
  [ "${snapshotter:-overlayfs}" = overlayfs ] || { why="CRI uses the $snapshotter snapshotter" && return 1; }
  why="$root cannot be written" && mkdir -p "$root" && place_depot
}

setting() { sed -n "s/^ *$1 = [\"']\\(.*\\)[\"']\$/\\1/p" "$tmp/config" | sed q; }

# Asks a containerd with copies of the databases. The node's own files are not touched.
ask_copy() {
  why='the databases of containerd cannot be read'
  copy=$tmp/copy
  { mkdir -p "$copy/root/$metadata" "$copy/root/$snapshots_folder" && cp "$root/$metadata/meta.db" "$copy/root/$metadata/"; } || return
  [ ! -e "$root/$snapshots_folder/metadata.db" ] || cp "$root/$snapshots_folder/metadata.db" "$copy/root/$snapshots_folder/" || return
  printf '%s\n' 'version = 2' "root = \"$copy/root\"" "state = \"$copy/state\"" \
    'disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.internal.v1.opt", "io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"]' \
    '[grpc]' "address = \"$copy/socket\"" '[plugins."io.containerd.gc.v1.scheduler"]' 'startup_delay = "8760h"' >"$copy/config.toml"
  # in a subshell, because it is not waited for
  ("$program" --config "$copy/config.toml" >"$copy/log" 2>&1 </dev/null 9>&- & echo $! >"$copy/pid")
  export CONTAINERD_ADDRESS="$copy/socket" CONTAINERD_NAMESPACE=k8s.io CONTAINERD_SNAPSHOTTER=overlayfs
  start=$(now)
  # shellcheck disable=SC2086 # words without spaces
  until within 5 $ctr --connect-timeout 2s plugins ls >"$tmp/plugins" 2>/dev/null || late "$start" 20; do pause; done
  find_losses
  kill -KILL "$(cat "$copy/pid")"
  rm -rf "$copy"
}
