# --- whether mode store is possible ---

metadata=io.containerd.metadata.v1.bolt snapshots_folder=io.containerd.snapshotter.v1.overlayfs content_store=io.containerd.content.v1.content

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
  [ -z "$connected" ] || has_server_id || { why='another containerd answers' && return 1; }
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

# Sets process, and root, the folder of that containerd. Without systemd, which answers nobody while it reloads.
look() {
  why='systemd does not run containerd'
  # shellcheck disable=SC2046 # words without spaces
  found=$(stat -c %N $(files_of_containerd) 2>/dev/null | sed -n "\|/$metadata/meta\.db[^/]*\$|{s|^.\(/proc/[0-9]*\)/.* -> [^/]*\(/.*\)/$metadata/.*|\1 \2|p;q;}")
  process=${found%% *} root=${found#* }
  # shellcheck disable=SC3013 # each sh of Linux has -ef
  { [ -n "$found" ] && [ "$process/root$root/$metadata/meta.db" -ef "$root/$metadata/meta.db" ]; } || return
  place_depot && check_folders && check_store_room
}

# Prints the open files of root's processes in containerd's unit, which is not that of a container.
files_of_containerd() {
  set +f
  grep -ls '/containerd\.service$' /proc/[0-9]*/cgroup | while read -r file; do
    # shellcheck disable=SC3013 # each sh of Linux has -ef
    { [ "${file%cgroup}ns/pid" -ef /proc/self/ns/pid ] && is_of_root "${file%/cgroup}"; } && echo "${file%cgroup}fd"/*
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
