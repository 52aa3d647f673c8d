# --- containerd must not start without the volume: it would list images that cannot run ---

has_systemd() { [ -d /run/systemd/system ] && command -v systemctl >/dev/null; }

guard_boot() {
  [ -d /run/systemd/system ] || return 0
  write_guards "$units" || {
    write_guards "$boot_units" || fail 4 "cannot write to $boot_units"
    log "cannot write to $units, so containerd waits for the volume only until the next boot: run restore.sh at each boot"
  }
  remove_old_guards
}

# Those of version 0.1, which had one name for the guards of all sets.
remove_old_guards() (
  set +f
  for file in "$units"/*.service.d/kubectl-preload.conf "$boot_units"/*.service.d/kubectl-preload.conf; do
    [ ! -e "$file" ] || ! grep -Fqs "$state/$set/" "$file" || rm -f "$file"
  done
)

write_guards() {
  for unit in $(containerd_units); do
    write_unit "$1/$unit.service.d/kubectl-preload-$set.conf" guard || return 1
  done
}

# Writes what $2 prints. Fails if the folder of units cannot be written, as on NixOS.
write_unit() {
  { { [ -d "${1%/*}" ] || mkdir -p "${1%/*}"; } && "$2" >"$1.new" && mv -f "$1.new" "$1"; } 2>/dev/null || { rm -f "$1.new" 2>/dev/null; return 1; }
}

# Whether the volume of set $1 is where its layers are linked to, and not the volume of another set.
mounted() { grep -qs "^  .set.: .$1" "$state/$1/preload.json"; }

containerd_units() {
  case $address in
    */k3s/*) echo k3s k3s-agent rke2-server rke2-agent ;;
    */k0s/*) echo k0scontroller k0sworker ;;
    *) echo containerd ;;
  esac
}

guard() {
  excuse="kubectl preload: containerd needs the volume at $here; mount it (set $set), or remove its images: sh $record/restore.sh --undo"
  printf '%s\n' '[Unit]' "RequiresMountsFor=$here" '[Service]' \
    "ExecStartPre=/bin/sh -c 'grep -qs set.:..$set $state/$set/preload.json || { echo \"$excuse\" >&2; exit 1; }'"
}

# Prints the drop-ins of set $1.
guards() (
  set +f
  for folder in "$units" "$boot_units"; do
    grep -Fls "$state/$1/" "$folder"/*.service.d/kubectl-preload.conf "$folder"/*.service.d/kubectl-preload-*.conf
  done
)

# Removes the guards of set $1.
unguard_boot() {
  # shellcheck disable=SC2046 # words without spaces
  set -- $(guards "$1")
  [ $# = 0 ] || { rm -f "$@" && reload_systemd; }
}

reload_systemd() { systemctl daemon-reload 2>/dev/null || log 'systemctl daemon-reload failed; the change to containerd takes effect at the next boot'; }

# Starts a containerd that the guard keeps down because the volume is not mounted: only containerd can remove the images.
lift_guard() {
  ! mounted "$set" || return 0
  kept_down=$(guards "$set")
  unguard_boot "$set"
  for file in $kept_down; do
    unit=${file%.d/*} && unit=${unit##*/}
    case $(systemctl is-active "$unit" 2>/dev/null) in
      failed | activating) ;; # again and again
      inactive) systemctl is-enabled --quiet "$unit" 2>/dev/null || continue ;;
      *) continue ;;
    esac
    log "starting $unit, which waited for the volume"
    systemctl reset-failed "$unit" 2>/dev/null
    systemctl start --no-block "$unit" || log "cannot start $unit"
  done
}

# Prints what to do about guards that keep containerd down.
guard_hint() (
  set +f
  for folder in "$state"/record/*; do
    other=${folder##*/}
    { [ -d "$folder" ] && ! mounted "$other" && [ -n "$(guards "$other")" ]; } || continue
    printf '; containerd does not start without the volume of set %s: mount it, or remove its images: sh %s --undo' \
      "$other" "$folder/restore.sh"
  done
)
