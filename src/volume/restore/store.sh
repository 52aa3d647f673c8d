# --- mode store: let containerd start with the finished store that is on the volume ---

swapper=$units/containerd.service.d/kubectl-preload-store.conf
nothing_new='every layer is already here'
metadata=io.containerd.metadata.v1.bolt snapshots_folder=io.containerd.snapshotter.v1.overlayfs content_store=io.containerd.content.v1.content

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

# Begins to unpack the seed while containerd is asked. The lock comes first, because only one run may use the depot.
begin_to_unpack() {
  look || return 0
  seen=yes
  lock
  end_swap
  { [ ! -L "$state/$set" ] && seed_matches && start_to_unpack; } || :
}

start_to_unpack() {
  prepare_swap || return
  unpack_seed &
  unpacking=$!
}

# Whether systemd has a unit of containerd.
runs_containerd() {
  for folder in "$units" "$boot_units" /usr/local/lib/systemd/system /usr/lib/systemd/system /lib/systemd/system; do
    [ ! -e "$folder/containerd.service" ] || return 0
  done
  return 1
}

# Whether the volume and the node allow it, before what the node has is considered. Sets why, and fault if not.
can_store() {
  has_seed && can_link || return
  fault=4
  has_cri || { why="namespace $namespace is not that of the kubelet" && return 1; }
  find_unit && can_stage
}

has_seed() {
  fault=3 why='the volume has no seed'
  sum restore/seed.tar
  [ -n "$value" ]
}

can_stage() {
  fault=4
  field seedSchema
  case $value in 3 | 4) ;; *) why="the seed has the unknown schema $value" && return 1 ;; esac
  field seedContainerd
  for version in "$value" "$server"; do
    case $version in 1.[67].* | 2.[0-4].*) ;; *) why="containerd $version is unknown" && return 1 ;; esac
  done
  [ -n "$pin" ] || { why='the images of the seed are pinned' && return 1; }
  can_copy || { why="the pause image cannot be copied: $no_copy" && return 1; }
  why='nothing on the node would be lost'
}

# Whether systemd runs the containerd that answers, and that has a place for the seed. If it has just started, it is looked
# at once more.
find_unit() {
  [ -n "$seen" ] || { why='systemd does not run containerd' && has_systemd && look; } || return
  has_server_id || { why='another containerd answers' && return 1; }
}

has_server_id() (
  set +f
  for file in "$root"/*introspection*/uuid; do
    id=''
    read -r id 2>/dev/null <"$file"
    [ "$id" != "$server_id" ] || return 0
  done
  return 1
)

# Sets root, the folder of that containerd. Without systemd, which answers nobody while it reloads.
look() {
  why='systemd does not run containerd'
  # shellcheck disable=SC2046 # words without spaces
  root=$(stat -c %N $(files_of_containerd) 2>/dev/null | sed -n "\|/$metadata/meta\.db[^/]*\$|{s|.* -> [^/]*\(/.*\)/$metadata/.*|\1|p;q;}")
  [ -n "$root" ] || return
  place_depot && check_folders && check_store_room
}

# Prints the open files of the processes in containerd's unit, which is not that of a container.
files_of_containerd() {
  set +f
  grep -ls '/containerd\.service$' /proc/[0-9]*/cgroup | while read -r file; do
    # shellcheck disable=SC3013 # each sh of Linux has -ef
    [ ! "${file%cgroup}ns/pid" -ef /proc/self/ns/pid ] || echo "${file%cgroup}fd"/*
  done
}

place_depot() {
  case $root in *[!A-Za-z0-9._/-]*) why="the path of containerd's root has unsupported characters" && return 1 ;; esac
  depot=$root/kubectl-preload
}

# What is not there yet will be beside the others.
check_folders() {
  set -- "$root/$metadata" "$root/$snapshots_folder" "$root/$content_store"
  why="$root has folders that are links or on another disk"
  there=''
  for each in $(stat -c %d:%F "$root" "$@" 2>/dev/null); do
    [ "$each" = "${there:=$each}" ] || return
  done
  awk -v a="$1" -v b="$2" -v c="$3" '$5 == a || $5 == b || $5 == c { exit 1 }' /proc/self/mountinfo
}

check_store_room() {
  why="containerd's disk has no space for the seed"
  files=$((4 * all_layers + 1000))
  size=$(stat -c %s "$here/restore/seed.tar" 2>/dev/null)
  has_space "$root" $((${size:-0} / 512 + 2 * files)) "$files"
}

# Starts containerd with the seed. If that is not possible, sets mode to link, and why to the reason.
use_store() {
  [ ! -L "$state/$set" ] || { list_snapshots && ! has_all "$tmp/snapshots" "$layers"; } || { leave_store "$nothing_new" && return; }
  log "containerd $server ready after $waited"
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
  phase look "$start" "$why"
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
  read_runtime 9>&- & # nobody must wait for it, because of the lock of this run
  restart_containerd || { true >"$depot/back" && restart_containerd; }
  [ ! -e "$depot/answered" ] || phase start "$start" "containerd $server with the new store"
}

give_up_store() {
  wait # for what fills the depot
  drop_depot
  leave_store "$1"
}

leave_store() {
  [ "$asked" != store ] || fail 4 "cannot use the store: $1"
  drop_preparations
  can_link
  mode='link' why="$why; not store, because $1"
}

# Writes losses, a line for whatever containerd has and the volume does not, and snapshots.
find_losses() {
  true >"$tmp/snapshots" # of an earlier look
  kinds >"$tmp/kinds"
  {
    [ ! -s "$tmp/kinds" ] || ask_for_losses
    (set +f && for task in /run/containerd/io.containerd.runtime.v2.task/*/*; do [ ! -e "$task" ] || echo "a container runs in $task"; done)
  } >"$tmp/losses"
  need_answers
}

# Prints the kinds of objects that containerd may have. Its database has the name of a kind as a key since the first such
# object, and bolt never splits a key. To find nothing there is a tenth of the work of one call of ctr.
kinds() {
  keys_among containers sandboxes leases ingests images snapshots | while read -r kind; do
    [ "$kind" = snapshots ] || { echo "$kind -" && continue; }
    list_plugins
    # shellcheck disable=SC2046 # words without spaces
    keys_among $(awk '$1 == "io.containerd.snapshotter.v1" && $NF == "ok" { print $2 }' "$tmp/plugins") | sed 's/^/snapshots /'
  done
}

keys_among() {
  tr -s '\0' '\n' <"$root/$metadata/meta.db" | awk -v words="$*" '
    BEGIN { for (n = split(words, all, " "); n; n--) word[all[n]] }
    { for (key in word) if (index($0, key)) { print key; delete word[key] } }'
}

ask_for_losses() {
  call namespaces ls -q >"$tmp/namespaces" || echo 'its namespaces cannot be listed'
  while read -r space; do
    sed "s/^/$space /" "$tmp/kinds"
  done <"$tmp/namespaces" >"$tmp/questions"
  spread "$tmp/questions" losses
}

losses() {
  while read -r space kind other; do
    export CONTAINERD_NAMESPACE="$space"
    of=$tmp/lost.$worker
    case $kind in
      containers) call containers ls -q ;;
      sandboxes) call sandboxes ls ;;
      leases) call leases ls -q ;;
      ingests) call content active ;;
      images) call images ls -q ;;
      snapshots) call snapshots --snapshotter "$other" ls ;;
    esac >"$of" || { echo "$kind of namespace $space cannot be listed" && continue; }
    case $kind:$space:$other in
      images:k8s.io:*) other_images "$of" ;;
      snapshots:k8s.io:overlayfs) cp "$of" "$tmp/snapshots" && other_snapshots "$of" ;;
      sandboxes:* | ingests:* | snapshots:*) sed 1d "$of" ;; # without the head of the table
      *) cat "$of" ;;
    esac | sed -n "1s|^\([^ ]*\).*|namespace $space has the ${kind%s} \1|p"
  done
}

# Names and digests that CRI has added to images of the volume come back with it.
other_images() {
  [ -s "$1" ] || return 0
  # shellcheck disable=SC2046 # words without spaces
  call images ls -q $(awk '!seen[$2]++ { print "target.digest==" $2 }' "$names") >"$1.ours" || echo unknown
  awk 'FILENAME == ARGV[1] { known[$1]; next } FILENAME == ARGV[2] { ours[$1]; next }
    !($1 in ours) || !($1 in known) && $1 !~ /^sha256:/' "$names" "$1.ours" "$1"
}

other_snapshots() {
  awk 'FILENAME == ARGV[1] { ours[$1]; next } FNR > 1 && !($1 in ours && $NF == "Committed")' "$layers" "$1"
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

# From here on, the next start of containerd uses the new store, whatever happens to this run.
swap_at_start() {
  prewarm_later
  if [ -d "$units" ]; then save "$depot" "$state" "$units"; else save "$depot" "$state"; fi
  echo "$checked" >"$depot/staged"
  save "$depot"
  has_systemd || sh "$depot/swap.sh" before "$depot"
}

save() { sync -f "$@" 2>/dev/null || sync; }

# Reads, while containerd ends, what it runs at its start since version 2, and for each pod.
read_runtime() { cat "$(command -v containerd-shim-runc-v2)" "$(command -v runc)" >/dev/null 2>&1; }

restart_containerd() { within "$long_call_limit" systemctl restart containerd.service 2>"$tmp/errors"; }

# If the first one is killed, containerd must not start yet. Without the folder, both do nothing.
swap() {
  folder=$state/depot
  printf '%s\n' '[Service]' "ExecStartPre=/bin/sh -c '[ ! -e $folder/swap.sh ] || exec /bin/sh $folder/swap.sh before $folder'" \
    "ExecStartPost=-/bin/sh $folder/swap.sh after $folder"
}

put_old_store_back() {
  log "store: $(sed 's/^\([^ ]*\) [^ ]* /\1: /;q' "$tmp/missing")"
  true >"$depot/back"
  restart_containerd
  give_up_swap
}

give_up_swap() {
  give_up_store "$(cat "$depot/gone" 2>/dev/null || echo 'containerd did not start with it')"
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
