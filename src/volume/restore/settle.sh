# --- mode copy: replace linked layers with copies, one by one, while containers are using them ---

# A linked sandbox image breaks every pod with hostUsers: false, so its layers are copied in every mode.
settle_sandbox() {
  links | awk 'FILENAME == ARGV[1] { if ($4 == "copy") copy[$1]; next } $1 in copy' "$layers" - >"$tmp/sandbox"
  [ -s "$tmp/sandbox" ] || return 0
  if [ "$mode" = copy ] || can_copy; then
    spread "$tmp/sandbox" settle_layers
  else
    log "cannot copy the pause image ($no_copy), so pods with hostUsers: false will not start"
  fi
}

settle_all() {
  start=$(now)
  links >"$tmp/links"
  check_space
  spread "$tmp/links" settle_layers
  links >"$tmp/still-links"
  phase copy "$start" "$(($(count "$tmp/links") - $(count "$tmp/still-links"))) of $(count "$tmp/links") linked layers"
  [ ! -s "$tmp/still-links" ] || fail 1 "$(count "$tmp/still-links") layers are still linked; run restore.sh --mode copy again"
}

check_space() {
  [ -s "$tmp/links" ] || return 0
  # shellcheck disable=SC2046 # words without spaces, here and below
  needed=$(du -sk $(awk -v volume="$here" '{ print volume "/layers/" substr($1, 8) }' "$tmp/links") | awk '{ kb += $1 } END { print kb }')
  read -r _ dir _ <"$tmp/links"
  free=$(df -Pk "${dir%/fs}" | awk 'END { print $4 }')
  [ "$free" -gt "$needed" ] ||
    fail 1 "not enough space on containerd's disk: layers need $((needed / 1024)) MiB, $((free / 1024)) MiB are free; they stay linked; free some space and run restore.sh --mode copy again"
}

# The link is replaced atomically; containerd removes the copy with the snapshot.
settle_layers() {
  while read -r chain dir _; do
    home=${dir%/fs}
    rm -rf "$home/local" "$home/new" && mkdir "$home/local" "$home/new" &&
      cp -a "$here/layers/${chain#sha256:}/fs/." "$home/local" && { sync -f "$home/local" 2>/dev/null || sync; } &&
      ln -s local "$home/new/fs" && mv -f "$home/new/fs" "$home/" && rmdir "$home/new"
  done
}

# In its own unit if possible, because systemd kills background processes when the unit of this run ends.
settle_later() {
  set -- sh "$here/restore.sh" --mode copy --address "$address" --ctr "$ctr" --namespace "$namespace"
  [ -n "$pin" ] || set -- "$@" --no-pin
  set -- nice -n 19 "$@"
  ! command -v ionice >/dev/null || set -- ionice -c 3 "$@"
  systemd-run --quiet --collect --unit "kubectl-preload-settle-$set" "$@" 2>/dev/null ||
    setsid "$@" </dev/null >"$record/settle.log" 2>&1 &
  log "settle: copying the layers in the background; the result will be in $run/restore.json"
}
