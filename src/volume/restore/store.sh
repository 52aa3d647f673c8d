# --- mode store: let containerd start with the finished store that is on the volume ---

nothing_new='every layer is already here'

# Starts containerd with the seed. If that is not possible, sets mode to link, and why to the reason.
use_store() {
  [ ! -L "$state/$set" ] || { list_snapshots && ! has_all "$tmp/snapshots" "$layers"; } || { leave_store "$nothing_new" && return; }
  stage_store || return 0
  start_with_store
  if [ -e "$depot/gone" ] && grep -q ' has changed since ' "$depot/gone"; then
    log "store: $(cat "$depot/gone"); trying once more"
    true >"$tmp/phases"
    sleep 1 # until containerd has collected its garbage, which it does soon after each start
    stage_store || return 0
    start_with_store
  fi
  [ -e "$depot/answered" ] || { give_up_swap && return; }
  find_missing wait_for_cri
  [ ! -s "$tmp/missing" ] || { put_old_store_back && return; }
  drop_depot
}

# Fills the depot. If something would be lost, or that fails, leaves the store, and fails.
stage_store() {
  start=$(now)
  [ -n "$unpacking" ] || { check_seed && start_to_unpack; } ||
    { give_up_store "the swap cannot be prepared: $(sed '$!d' "$tmp/errors")" && return 1; }
  until checked=$(checksum_of_store) && find_losses && remove_leftovers && [ "$(checksum_of_store)" = "$checked" ]; do
    ! late "$start" || { give_up_store 'other programs are changing the store of containerd' && return 1; }
  done
  [ ! -s "$tmp/losses" ] || { give_up_store "$(sed q "$tmp/losses")" && return 1; }
  { [ -s "$tmp/snapshots" ] && has_all "$tmp/snapshots" "$layers"; } && { give_up_store "$nothing_new" && return 1; }
  phase look "$start" "what containerd $server has"
  log "mode store: $why"
  start=$(now)
  check_selinux
  keep_record
  point_to_volume
  wait "$unpacking" || { give_up_store "the seed cannot be unpacked: $(sed '$!d' "$tmp/unpacked")" && return 1; }
  unpacking=''
  phase stage "$start" "$all_layers layers"
}

checksum_of_store() { cksum <"$root/$metadata/meta.db"; }

start_with_store() {
  start=$(now)
  swap_at_start
  read_programs 9>&- & # nobody must wait for it, because of the lock of this run
  restart_containerd || { true >"$depot/back" && restart_containerd; }
  [ ! -e "$depot/answered" ] || phase start "$start" "containerd $server with the new store"
}

# From here on, the next start of containerd uses the new store, whatever happens to this run.
swap_at_start() {
  prewarm_later
  if [ -d "$units" ]; then save "$depot" "$state" "$units"; else save "$depot" "$state"; fi
  echo "$checked" >"$depot/staged"
  save "$depot"
  has_systemd || sh "$depot/swap.sh" before "$depot"
}

save() { sync -f "$@" 2>/dev/null || sync; }

# Reads what containerd runs at its start since version 2, and for each pod; and what will check the images, but that only
# after systemd has read from the same disk what it needs.
read_programs() {
  exec >/dev/null 2>&1
  cat "$(command -v containerd-shim-runc-v2)" "$(command -v runc)"
  pause
  find_crictl && cat "$(command -v "${crictl%% *}")"
}

restart_containerd() { within "$long_call_limit" systemctl restart containerd.service 2>"$tmp/errors"; }

put_old_store_back() {
  log "store: $(sed 's/^\([^ ]*\) [^ ]* /\1: /;q' "$tmp/missing")"
  true >"$depot/back"
  restart_containerd
  give_up_swap
}

give_up_swap() {
  give_up_store "$(cat "$depot/gone" 2>/dev/null || echo 'containerd did not start with it')"
}

give_up_store() {
  wait # for what fills the depot
  drop_depot
  leave_store "$1"
}

leave_store() {
  [ "$asked" != store ] || fail 4 "cannot use the store: $1"
  drop_preparations
  connect
  can_link
  mode='link' why="$why; not store, because $1"
}
