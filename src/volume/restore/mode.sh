# --- how to add the images to containerd ---

# Sets mode, and sets why to the reason for it.
choose_mode() {
  asked=$mode fault=3
  case $mode in
    auto) choose_best ;;
    store) can_store || fail "$fault" "cannot use the store: $why" ;;
    import) can_import || fail "$fault" "cannot import: $why" ;;
    *) can_link || fail "$fault" "cannot link: $why" ;;
  esac
  case $mode in store | link) ;; *) register='' ;; esac
  [ -z "$register" ] || can_register || register=''
  { [ "$mode" != copy ] && [ -z "$settle" ]; } || can_copy || fail 4 "cannot copy: $no_copy"
}

choose_best() {
  if can_store; then
    mode='store'
  elif no_store=$why && can_link; then
    mode='link' why="$why; not store, because $no_store"
  else
    no_link=$why
    [ -z "$settle" ] || fail "$fault" "cannot link: $no_link"
    can_import || fail "$fault" "cannot link: $no_link; cannot import: $why"
    mode=import why="cannot link: $no_link"
  fi
}

can_link() {
  [ "$snapshotter" = overlayfs ] || { fault=4 why="CRI uses the $snapshotter snapshotter" && return 1; }
  [ "$cri_uses" = overlayfs ] || plugin_ok io.containerd.snapshotter.v1 overlayfs || { fault=4 why='the overlayfs snapshotter does not work' && return 1; }
  has_layers
}

has_layers() {
  find_layers
  [ -z "$missing_part" ] || { why="layer $missing_part is missing" && return 1; }
  why='CRI uses overlayfs and the volume has every layer'
}

can_import() {
  [ -n "$blobs" ] || { why='the volume has no layer blobs; capture it with --layout layers,blobs' && return 1; }
  without_blobs=$(awk 'FILENAME == ARGV[1] { has[$1]; next } !($2 in has) { print $1; exit }' "$blobs" "$names")
  [ -z "$without_blobs" ] || { why="the volume has no layer blobs for $without_blobs; capture it again with --layout layers,blobs" && return 1; }
  find_blobs
  [ -z "$missing_part" ] || { why="blob $missing_part is missing" && return 1; }
  why='the volume has every blob'
}

# Whether layers can be copied. Sets no_copy to the reason if not.
can_copy() {
  [ -n "$trying" ] || return 0
  wait "$trying"
  read -r no_copy <"$tmp/no-copy" || :
  [ -z "$no_copy" ]
}

# Begins to find out, because containerd's answers take as long. A layer of the pause image that is not on another one has
# nothing that cp could lose.
try_copy() {
  [ "$mode" = copy ] || [ -n "$settle" ] || [ "$stacked" != 0 ] || return 0
  copy_trial >"$tmp/no-copy" &
  trying=$!
}

# Whether cp keeps everything in a layer: busybox cp silently drops extended attributes. Prints the reason if not.
copy_trial() {
  trial=$tmp/copy-trial
  mkdir -p "$trial/lower/opaque" "$trial/upper" "$trial/work" "$trial/merged" "$trial/copied"
  true >"$trial/lower/opaque/old"
  true >"$trial/lower/removed"
  mount_trial "lowerdir=$trial/lower,upperdir=$trial/upper,workdir=$trial/work" || return 0
  rm -r "$trial/merged/opaque" "$trial/merged/removed"
  mkdir "$trial/merged/opaque"
  umount "$trial/merged"
  found=0
  if cp -a "$trial/upper/." "$trial/copied"; then
    mount_trial "lowerdir=$trial/copied:$trial/lower" || return 0
    found=$(find "$trial/merged" | wc -l)
    umount "$trial/merged"
  fi
  # the root and the opaque folder; everything in the lower layer is hidden
  [ "$found" -eq 2 ] || echo 'cp on this node loses extended attributes or device files; install GNU coreutils'
}

mount_trial() { mount -t overlay -o "$1" overlay "$trial/merged" || { echo 'cannot mount overlayfs on this node' && return 1; }; }
