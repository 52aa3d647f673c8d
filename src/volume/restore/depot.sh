# --- the depot: where the new store waits beside containerd's folders, and the drop-in by which containerd swaps it in ---

swapper=$units/containerd.service.d/kubectl-preload-store.conf

# Begins with what takes as long as all that comes before the restart of containerd: systemd loads the drop-in, which does
# nothing yet, and the seed gets its checksum.
begin_to_swap() {
  case $mode in auto | store) ;; *) return 0 ;; esac
  { [ -d "$tmp" ] && has_systemd && has_seed && is_regular restore/seed.tar && runs_containerd; } || return 0
  field set
  [ ! -L "$state/$value" ] || return 0
  write_unit "$swapper" swap || return 0
  begin_to_reload
  swapping=yes
  sha256sum <"$here/restore/seed.tar" >"$tmp/seed" 2>/dev/null &
  hashing=$!
}

# Without systemctl, which takes a while to load. systemd reloads before it does what it is asked next, so nobody must wait.
begin_to_reload() {
  # shellcheck disable=SC3013 # each sh of Linux has -ef
  { read -r name </proc/1/comm && [ "$name" = systemd ] && [ /proc/1/ns/pid -ef /proc/self/ns/pid ] && kill -HUP 1; } 2>/dev/null ||
    reload_systemd
}

# Whether systemd has a unit of containerd.
runs_containerd() {
  for folder in "$units" "$boot_units" /usr/local/lib/systemd/system /usr/lib/systemd/system /lib/systemd/system; do
    [ ! -e "$folder/containerd.service" ] || return 0
  done
  return 1
}

# Begins to unpack the seed while containerd's program is asked. The lock comes first, because only one run may use the depot.
begin_to_unpack() {
  look || return 0
  seen=yes
  ask_program &
  asking=$!
  lock
  end_swap
  { [ ! -L "$state/$set" ] && seed_matches && start_to_unpack; } || :
}

start_to_unpack() {
  prepare_swap || return
  unpack_seed &
  unpacking=$!
}

check_seed() {
  [ -n "$hashing" ] || { check_sums restore/seed.tar && return; }
  seed_matches || refuse 'restore/seed.tar does not match its checksum in preload.json'
}

seed_matches() {
  wait "$hashing"
  read -r found _ <"$tmp/seed"
  sum restore/seed.tar
  [ "$found" = "$value" ]
}

# Lets each start of containerd swap what will be in the depot.
prepare_swap() {
  { mkdir -p "$state" && ln -sfn "$depot" "$state/depot"; } 2>"$tmp/errors" || return
  { [ -n "$swapping" ] && [ -e "$swapper" ]; } || ! has_systemd || {
    write_unit "$swapper" swap 2>"$tmp/errors" || return
    begin_to_reload
    swapping=yes
  }
}

# Unpacks the seed beside containerd's folders, with what puts it in place.
unpack_seed() {
  {
    rm -rf "$depot" && mkdir -m 0700 "$depot" "$depot/new" "$depot/aside" && tar -xpf "$here/restore/seed.tar" -C "$depot/new" &&
      swap_script >"$depot/swap.sh" && stage_sandbox &&
      sed "s|^\([^ ]*\) \([0-9]*\) .*|\1 $root/$snapshots_folder/snapshots/\2/fs|" "$depot/new/layers" >"$tmp/dirs"
  } 2>"$tmp/unpacked"
}

# A linked sandbox image breaks every pod with hostUsers: false.
stage_sandbox() {
  awk '$3 != "link" { print substr($1, 8), $2 }' "$depot/new/layers" | while read -r layer number; do
    folder=$depot/new/$snapshots_folder/snapshots/$number/fs
    { rm -rf "$folder" && cp -a "$here/layers/$layer/fs" "$folder"; } || exit
  done
}

# If the first one is killed, containerd must not start yet. Without the folder, both do nothing.
swap() {
  folder=$state/depot
  printf '%s\n' '[Service]' "ExecStartPre=/bin/sh -c '[ ! -e $folder/swap.sh ] || exec /bin/sh $folder/swap.sh before $folder'" \
    "ExecStartPost=-/bin/sh $folder/swap.sh after $folder"
}

# First what makes the drop-in swap anything, because half a folder must not be swapped; last the link, by which the next run
# finds what is left.
drop_depot() {
  unpacking=''
  rm -f "$depot/staged" && rm -rf "${depot:?}" && rm -f "$swapper" "$state/depot"
  forget_swapper
}

# Removes what this run has prepared, because it does not swap the stores.
drop_preparations() {
  if [ -n "$unpacking" ]; then
    wait "$unpacking"
    drop_depot
  elif [ -e "$swapper" ]; then
    rm -f "$swapper" && forget_swapper
  fi
}

forget_swapper() {
  swapping=''
  ! has_systemd || begin_to_reload
}

# Removes what a killed run left. What containerd starts with is then the new store, or an old one whose images are all on
# the volume.
end_swap() (
  [ -L "$state/depot" ] || return 0
  depot=$(readlink "$state/depot")
  drop_depot
)
