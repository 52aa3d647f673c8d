# --- mode link: replace containerd's layer folders with links to the volume ---

# --check and --undo need these if the volume is not mounted.
keep_record() {
  fresh=$state/new/record
  { { [ ! -e "$fresh" ] || rm -rf "$fresh"; } && mkdir -p "$fresh/restore" "$state/record" &&
    cp "$layers" "$names" ${blobs:+"$blobs"} "$fresh/restore/" && cp "$here/restore.sh" "$here/preload.json" "$fresh/" &&
    { [ ! -e "$record" ] || rm -rf "$record"; } && mv "$fresh" "$record"; } || { rm -rf "$fresh" && fail 4 "cannot write to $state"; }
}

link_volume() {
  links >"$tmp/links"
  [ -s "$tmp/links" ] || [ "$(count "$tmp/have")" != "$all_layers" ] || return 0
  hold_volume
  prewarm_later
  while read -r chain dir target; do
    [ "$target" = "$linked/${chain#sha256:}/fs" ] || ln -sfn "$linked/${chain#sha256:}/fs" "$dir"
  done <"$tmp/links"
}

hold_volume() {
  point_to_volume
  [ ! -d /run/systemd/system ] || reload_systemd
}

# SET must exist before layers of other sets are linked to it. systemd does not know the guard yet.
point_to_volume() {
  { { [ -d "$state/new" ] || mkdir -p "$state/new"; } && ln -sfn "$here" "$state/new/$set" && mv -f "$state/new/$set" "$state/"; } ||
    fail 4 "cannot write to $state"
  guard_boot
}

# Once nothing links to the volume, it can be detached.
release_volume() {
  [ -z "$(links)" ] || return 0
  unregister_blobs
  unguard_boot "$set"
  rm -f "${state:?}/$set"
}

# Depth by depth, because a layer needs its parent.
link_layers() {
  start=$(now)
  awk -v todo="$tmp/todo" 'FILENAME == ARGV[1] { have[$1]; next } !($1 in have) { print >todo; print >(todo "." $3) }' \
    "$tmp/have" "$layers"
  [ -f "$tmp/todo" ] || return 0
  depths=$(awk '{ print $3 }' "$tmp/todo" | sort -nu)
  for depth in $depths; do
    spread "$tmp/todo.$depth" add_layers
  done >"$tmp/added" 2>"$tmp/errors"
  cat "$tmp/added" >>"$tmp/dirs"
  need_answers
  phase link "$start" "$(count "$tmp/added") of $(count "$tmp/todo") layers"
  [ ! -s "$tmp/errors" ] || { log "link: $(sed '$!d' "$tmp/errors")" && list_snapshots && remove_snapshots "$leftovers"; }
}

# The two ctr calls per layer take most of the time, so a worker does everything else once for all its layers.
add_layers() {
  while read -r chain parent _; do
    [ "$parent" != - ] || parent=
    mounts=$(call snapshots prepare --target /x "preload-${chain#sha256:}" ${parent:+"$parent"}) || continue
    case $mounts in *upperdir=*) dir=${mounts##*upperdir=} ;; *) dir=${mounts#mount -t bind } ;; esac
    dir=${dir%%[ ,]*}
    case $dir in /*/snapshots/[0-9]*/fs) echo "$chain $dir" ;; *) echo "found no directory in: $mounts" >&2 ;; esac
  done >"$tmp/prepared.$worker"
  [ -s "$tmp/prepared.$worker" ] || return 0
  # shellcheck disable=SC2046 # words without spaces
  rmdir $(sed 's/.* //' "$tmp/prepared.$worker")
  while read -r chain dir; do
    [ ! -d "$dir" ] && ln -s "$linked/${chain#sha256:}/fs" "$dir" &&
      call snapshots commit "$chain" "preload-${chain#sha256:}" && echo "$chain $dir"
  done <"$tmp/prepared.$worker"
}

# "chain directory target" of the layers that are links.
links() {
  # shellcheck disable=SC2046,SC2012 # words without spaces
  ls -ld $(sed 's/.* //' "$tmp/dirs") 2>/dev/null | sed -n 's|.* \(/[^ ]*\) -> \(/[^ ]*\)$|\1 \2|p' |
    awk 'FILENAME == ARGV[1] { chain[$2] = $1; next } $1 in chain { print chain[$1], $1, $2 }' "$tmp/dirs" -
}
