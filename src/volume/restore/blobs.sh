# --- the volume's layer blobs, for programs on the node that read them: `ctr images export`, mirrors between nodes ---

content_folder() {
  read -r _ dir _ <"$tmp/dirs" && echo "${dir%/io.containerd.snapshotter.*}/io.containerd.content.v1.content/blobs/sha256"
}

# Checked before anything is changed, because it may refuse the volume.
can_register() {
  { [ -n "$blobs" ] && find_blobs && [ -z "$missing_part" ]; } ||
    { log 'blobs: none registered; the volume does not have all of them (capture with --layout layers,blobs)' && return 1; }
}

register_blobs() {
  start=$(now)
  content=$(content_folder)
  [ -d "$content" ] || { log "blobs: none registered; cannot find containerd's content store" && return; }
  awk '$3 != "-" && !seen[$2]++' "$blobs" >"$tmp/blobs"
  spread "$tmp/blobs" register_blob 2>"$tmp/errors"
  phase blobs "$start" "$(count "$tmp/blobs") layer blobs registered"
  [ ! -s "$tmp/errors" ] || log "blobs: $(sed '$!d' "$tmp/errors")"
}

# containerd accepts a blob that is already in its folder without reading it.
register_blob() {
  while read -r _ digest size; do
    file=$content/${digest#sha256:}
    [ -L "$file" ] || [ ! -e "$file" ] || continue
    ln -sfn "$state/$set/blobs/sha256/${digest#sha256:}" "$file"
    long_call content ingest --expected-digest "$digest" --expected-size "$size" "preload-${digest#sha256:}" <"$file"
  done
}

# Removes the blobs that link to SET from containerd.
unregister_blobs() {
  content=$(content_folder)
  # shellcheck disable=SC2012 # digests only
  ls -l "$content" 2>/dev/null | sed -n "s|.* \([0-9a-f]*\) -> $state/$set/.*|sha256:\1|p" >"$tmp/registered"
  # shellcheck disable=SC2046 # words without spaces
  [ ! -s "$tmp/registered" ] || call content rm $(cat "$tmp/registered") >/dev/null
}
