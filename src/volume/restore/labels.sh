# --- image labels ---

# One pinned name pins the whole image, so if the import could not label the names, one is labelled here. Unpins all names of
# older sets.
label_names() {
  start=$(now) owner='labels."kubectl-preload/set"' pinned='labels."io.cri-containerd.pinned"'
  call images ls -q "$owner!=$set" "$pinned!=\"$pin\"" | ours >"$tmp/unlabelled"
  if [ -n "$pin" ]; then one_name_each; else cp "$tmp/unlabelled" "$tmp/chosen"; fi
  spread "$tmp/chosen" label "kubectl-preload/set=$set" "io.cri-containerd.pinned=$pin"
  call images ls -q "$owner,$owner!=$set,$pinned==pinned" >"$tmp/older"
  spread "$tmp/older" label io.cri-containerd.pinned=
  phase pin "$start" "$all_images images ${pin:-not pinned}, $(count "$tmp/older") names of older sets unpinned"
}

# Writes chosen, one name of each image that has no labelled name: if possible one with a digest, which never changes.
one_name_each() {
  awk '
    FILENAME == ARGV[1] { unlabelled[$1]; next }
    !($1 in unlabelled) { held[$2]; next }
    !($2 in choice) || $1 ~ /@/ { choice[$2] = $1 }
    END { for (digest in choice) if (!(digest in held)) print choice[digest] }
  ' "$tmp/unlabelled" "$names" >"$tmp/chosen"
}

label() { while read -r name _; do call images label "$name" "$@" >/dev/null; done; }

# Without crictl, the version decides: 1.6.22 and 1.7.3 introduced pins, but one name pins an image only since 1.6.25 and 1.7.10.
check_pins() {
  if [ -s "$tmp/cri" ]; then
    awk '!$2 { print $1 }' "$tmp/cri" >"$tmp/unpinned"
    unpinned=0
    [ ! -s "$tmp/unpinned" ] || unpinned=$(ours <"$tmp/unpinned" | images)
  else
    case $server in 1.6.[0-9] | 1.6.1? | 1.6.2[0-4] | 1.7.[0-9]) unpinned=all ;; *) unpinned=0 ;; esac
  fi
  [ -z "$pin" ] || [ "$unpinned" = 0 ] ||
    log "pin: containerd $server ignores the pins of $unpinned images; the kubelet may remove them when the disk is full"
}
