# --- mode copy: replace linked layers with copies, one by one, while containers are using them ---

# A linked sandbox image breaks every pod with hostUsers: false, so its layers are copied in every mode.
settle_sandbox() {
  links | awk 'FILENAME == ARGV[1] { if ($4 == "copy") copy[$1]; next } $1 in copy' "$layers" - >"$tmp/sandbox"
  [ -s "$tmp/sandbox" ] || return 0
  [ "$mode" = copy ] || can_copy || { say_linked_sandbox "$no_copy" && return; }
  measure "$tmp/sandbox" >"$tmp/sizes"
  spread "$tmp/sizes" settle_layers 0 2>"$tmp/errors"
  [ ! -e "$tmp/stop" ] || { say_linked_sandbox "$(sed '$!d' "$tmp/errors")" && rm "$tmp/stop"; }
}

say_linked_sandbox() { log "cannot copy the pause image ($1), so pods with hostUsers: false will not start"; }

settle_all() {
  start=$(now)
  links >"$tmp/links"
  measure "$tmp/links" >"$tmp/sizes"
  check_space
  spread "$tmp/sizes" settle_layers "$reserve" 2>"$tmp/errors"
  links >"$tmp/still-links"
  phase copy "$start" "$(($(count "$tmp/links") - $(count "$tmp/still-links"))) of $(count "$tmp/links") linked layers"
  [ ! -s "$tmp/still-links" ] ||
    fail 1 "$(count "$tmp/still-links") layers are still linked: $(sed '$!d' "$tmp/errors"); run restore.sh --mode copy again"
}

# Prints "chain directory KiB" of the layers in a list of links.
measure() {
  [ -s "$1" ] || return 0
  # shellcheck disable=SC2046 # words without spaces
  du -sk $(awk -v volume="$here" '{ print volume "/layers/" substr($1, 8) }' "$1") |
    awk 'FILENAME == ARGV[1] { dir[$1] = $2; next }
      { n = split($2, part, "/"); chain = "sha256:" part[n]; print chain, dir[chain], $1 }' "$1" -
}

check_space() {
  [ -s "$tmp/sizes" ] || return 0
  needed=$(awk '{ sum += $3 } END { print sum }' "$tmp/sizes")
  read -r _ dir _ <"$tmp/sizes"
  free=$(spare "$dir" "$reserve")
  [ "$free" -gt "$needed" ] ||
    fail 1 "not enough space on containerd's disk, of which $reserve % must stay free: layers need $((needed / 1024)) MiB, $((free / 1024)) MiB are left for them; they stay linked; free some space and run restore.sh --mode copy again"
}

# Prints the KiB that can be written to the disk of a layer's directory until only $2 % of it are free.
spare() { df -Pk "${1%/*}" | awk -v percent="$2" 'END { left = $4 - $2 * percent / 100; printf "%.0f\n", (left > 0 ? left : 0) }'; }

# The kubelet and pods write too, so there must be space for each layer; the first failure stops all workers.
settle_layers() {
  while [ ! -e "$tmp/stop" ] && read -r chain dir size; do
    home=${dir%/fs}
    if [ "$(spare "$dir" "$1")" -le "$size" ]; then
      echo "containerd's disk has no space for another $((size / 1024)) MiB" >&2
    elif copy_layer; then
      continue
    fi
    true >"$tmp/stop"
  done
}

# Replaces the link fs in $home by a copy of layer $chain. The link is replaced atomically; containerd removes the copy with the snapshot.
copy_layer() {
  rm -rf "$home/local" "$home/new"
  { mkdir "$home/local" "$home/new" && cp -a "$here/layers/${chain#sha256:}/fs/." "$home/local" &&
    save "$home/local" && ln -s local "$home/new/fs" && mv -f "$home/new/fs" "$home/"; } ||
    { rm -rf "$home/local" "$home/new" && return 1; }
  rmdir "$home/new"
}

settle_later() {
  set -- sh "$here/restore.sh" --mode copy --address "$address" --ctr "$ctr" --namespace "$namespace"
  [ -n "$pin" ] || set -- "$@" --no-pin
  [ -z "$expect" ] || set -- "$@" --expect "$expect"
  in_background settle "$@"
  log "settle: copying the layers in the background; the result will be in $run/restore.json"
}
