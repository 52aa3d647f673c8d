# --- units of systemd: at each boot the volume is mounted and its images are restored, and only then the kubelet starts ---

# Works before containerd has ever run.
install() {
  check_systemd
  find_disk
  lock
  keep_record
  mount_unit=$(systemd-escape --path --suffix=mount "$here") || fail 4 'cannot run systemd-escape'
  ! prepare_first_start || log "install: $message"
  [ -z "$node_label" ] || prepare_label
  { write_unit "$units/$mount_unit" mount_volume && write_unit "$units/$service" restore_images; } ||
    fail 4 "cannot write to $units; run restore.sh at each boot"
  release_lost_sets
  hold_volume
  systemctl enable --quiet "$service" || fail 4 "cannot enable $service"
  save "$units"
  message="the kubelet starts only with the images of set $set, which $service restores"
  log "install: $message"
  ! systemctl is-active --quiet kubelet || log 'install: the kubelet already runs, so this takes effect when it starts again'
}

check_systemd() {
  has_systemd || fail 4 'this node does not run systemd; run restore.sh at each boot'
  field address
  case ${address:-$value} in
    */k3s/* | */k0s/* | */microk8s/*) fail 4 'here one unit starts both containerd and the kubelet, so no unit can run between them; run restore.sh after it' ;;
  esac
  case $address$ctr$namespace in *[!A-Za-z0-9:/._=,\ -]*) fail 2 '--install does not support such characters in --address, --ctr and --namespace' ;; esac
}

# Sets disk, filesystem and options for the mount unit.
find_disk() {
  found=$(awk -v here="$here" '
    $5 == here { root = $4; for (i = 7; $i != "-"; i++); found = $(i + 1) " " $(i + 2) " " $(i + 3) }
    END { if (root == "/") print found }' /proc/self/mountinfo)
  [ -n "$found" ] || fail 4 "$here is not where a disk is mounted; run the restore.sh of a mounted disk"
  read -r filesystem device settings <<END
$found
END
  field uuid
  case $value in null | '') fail 3 'the volume does not know the UUID of its filesystem, so systemd cannot mount it' ;; esac
  disk=/dev/disk/by-uuid/$value options=ro,nofail # with nofail the rest of the boot does not wait for it
  [ -b "$disk" ] || fail 4 "there is no $disk, so systemd cannot mount the disk"
  [ "$(device_number "$disk")" = "$(device_number "$device")" ] ||
    fail 4 "$(readlink -f "$disk") has the same UUID as the disk at $here, so systemd could mount it instead; detach it"
  [ "$filesystem" != xfs ] || options=$options,nouuid
  label=$(echo ",$settings" | sed -n 's/.*,\(context=[^,"]*\).*/\1/p')
  options=$options${label:+,$label}
}

device_number() { stat -L -c %t:%T "$1"; }

# Without fsck, which only units made from fstab have.
mount_volume() {
  printf '%s\n' '[Unit]' "Description=Volume of kubectl preload, set $set" \
    '[Mount]' "What=$disk" "Where=$here" "Type=$filesystem" "Options=$options"
}

# Wants containerd and does not require it: otherwise each restart of containerd would restart the kubelet.
restore_images() {
  printf '%s\n' '[Unit]' "Description=Images of kubectl preload, set $set" "RequiresMountsFor=$here" \
    'Wants=containerd.service' 'After=containerd.service' 'Before=kubelet.service' \
    '[Service]' 'Type=oneshot' 'RemainAfterExit=yes' "ExecStart=/bin/sh $(boot_command)" \
    '[Install]' 'RequiredBy=kubelet.service'
}

# Prints the call of restore.sh with the options of this run. It refuses another disk that has the same UUID.
boot_command() {
  set -- "$here/restore.sh" --mode "$mode" --wait "$wait" --expect "$digest_of_contents"
  [ -z "$settle" ] || set -- "$@" --settle
  [ -n "$pin" ] || set -- "$@" --no-pin
  [ -z "$register" ] || set -- "$@" --register-blobs
  [ -z "$node_label" ] || set -- "$@" --label
  [ -z "$prewarm" ] || set -- "$@" --prewarm="$prewarm"
  [ -z "$address" ] || set -- "$@" --address "$address"
  [ -z "$ctr" ] || set -- "$@" --ctr "$ctr"
  [ -z "$namespace" ] || set -- "$@" --namespace "$namespace"
  printf '"%s" ' "$@"
}

# Restoring this set removes the images of sets whose volume is gone, so containerd and the kubelet need not wait for them.
release_lost_sets() (
  set +f
  for folder in "$state"/record/*; do
    other=${folder##*/}
    { [ -L "$state/$other" ] && ! mounted "$other"; } || continue
    log "install: the volume of the older set $other is no longer mounted; containerd and the kubelet no longer wait for it"
    unguard_boot "$other"
    disable_service "$other"
    remove_units "$other"
  done
)

# Lets the kubelet start without the images of set $1. With --now the service can run again after the next --install.
disable_service() {
  [ ! -e "$units/kubectl-preload-$1.service" ] || systemctl disable --quiet ${2:+"$2"} "kubectl-preload-$1.service" ||
    log "cannot disable kubectl-preload-$1.service"
}

free_kubelet() {
  systemctl is-enabled --quiet "$service" 2>/dev/null || return 0
  disable_service "$set" --now
  systemctl is-active --quiet kubelet || log 'the kubelet no longer waits for the images; start it with: systemctl start kubelet'
}

uninstall() {
  undo
  remove_units "$set"
  reload_systemd
  log 'uninstall: units removed'
}

remove_units() (
  set +f
  grep -Fls "kubectl preload, set $1" "$units"/*.mount "$units"/kubectl-preload-*.service "$units"/kubelet.service.d/*.conf | while read -r file; do rm -f "$file"; done
)
