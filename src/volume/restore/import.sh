# --- names: `ctr images import` without layers ---

# Only one platform, because manifests for others may be missing.
import_flags() {
  set -- --platform "$platform"
  case $client in 1.*) ;; *) set -- "$@" --label "kubectl-preload/set=$set" ${pin:+--label "io.cri-containerd.pinned=$pin"} ;; esac
  # CRI in 1.x does not see images from the transfer service, which unpacks only for its own snapshotter
  case $client:$server:$snapshotter in 1.* | 2.*:2.*:overlayfs) ;; *) set -- "$@" --local ;; esac
  echo "$@"
}

# "name digest chain" of the names that are a different image on this node.
others() { awk 'FILENAME == ARGV[1] { right[$1]; next } !($1 in right)' "$tmp/right" "$tmp/known"; }

say_replaced() { others | while read -r name _; do log "replacing $name, which was a different image here"; done; }

# Whether a working image would lose its name to one whose layers could not be linked, which is then removed.
would_break_names() {
  others | awk 'FILENAME == ARGV[1] { there[$1]; next } $3 != "-" && !($3 in there) { bad = 1 } END { exit !bad }' "$tmp/dirs" -
}

# Without unpacking, because the layers are already linked.
import_names() {
  ! would_break_names || {
    log 'import: skipped, because it would replace working images with images whose layers could not be linked'
    return
  }
  say_replaced
  [ "$(count "$tmp/right")" != "$all_names" ] || return 0
  start=$(now)
  archives >"$tmp/archives"
  complete=yes
  while read -r platform archive; do
    # shellcheck disable=SC2046 # words without spaces, here and below
    long_call images import --no-unpack $(import_flags) "$here/$archive" >/dev/null || complete=''
  done <"$tmp/archives" 2>"$tmp/errors"
  if [ -n "$complete" ]; then
    phase import "$start" "$all_images images ($all_names names)"
  else
    log "import: $(sed '$!d' "$tmp/errors")"
  fi
}

# --- mode import: one image at a time, in list order, so that a bad blob affects only its image ---

import_blobs() {
  say_replaced
  others >"$tmp/others"
  start=$(now)
  find_missing find_unseen
  awk '!seen[$2]++ { print $2 }' "$tmp/missing" >"$tmp/todo"
  true >"$tmp/imported"
  true >"$tmp/done"
  while read -r digest; do import_image; done <"$tmp/todo" 2>"$tmp/errors"
  phase import "$start" "$(count "$tmp/done") of $(count "$tmp/todo") images with their layers"
  [ ! -s "$tmp/errors" ] || log "import: $(sed '$!d' "$tmp/errors")"
  list_snapshots
  survey
}

# Imports one image through an OCI layout that links to the volume, without blobs that were imported before. Names that are
# another image here come last, after the layers, because a failed import in ctr 1.x still creates all names.
import_image() {
  layout=$tmp/image
  mkdir -p "$layout/blobs/sha256"
  awk -v digest="$digest" 'FILENAME == ARGV[1] { imported[$1]; next }
    $1 == digest && !($2 in imported) && !seen[$2]++ { print $2 }' "$tmp/imported" "$blobs" >"$tmp/new"
  # shellcheck disable=SC2046 # words without spaces, here and below
  ln -s $(sed "s|^sha256:|$here/blobs/sha256/|" "$tmp/new") "$layout/blobs/sha256/"
  printf '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
  awk -v digest="$digest" 'FILENAME == ARGV[1] { other[$1]; if ($2 == digest) n++; next }
    n && $2 == digest && !($1 in other)' "$tmp/others" "$names" >"$tmp/safe"
  { [ ! -s "$tmp/safe" ] || send_image "$tmp/safe"; } && send_image "$names" &&
    cat "$tmp/new" >>"$tmp/imported" && echo "$digest" >>"$tmp/done"
  rm -r "$layout"
}

send_image() {
  index_of "$digest" "$1" >"$layout/index.json"
  # shellcheck disable=SC2046
  tar -C "$layout" -chf - oci-layout index.json blobs | long_call images import $(import_flags) - >/dev/null
}

# Prints an index.json for digest $1 with all its names in list $2.
index_of() {
  document=$here/blobs/sha256/${1#sha256:}
  awk -v digest="$1" -v type="$(media_type "$document")" -v size="$(wc -c <"$document")" '
    BEGIN { printf "{\"schemaVersion\":2,\"manifests\":[" }
    $2 == digest {
      printf "%s{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%d,", sep, type, digest, size
      printf "\"annotations\":{\"io.containerd.image.name\":\"%s\"}}", $1
      sep = ","
    }
    END { print "]}" }
  ' "$2"
}

# Old documents do not contain their type.
media_type() {
  kind='manifest\.v[12]'
  ! grep -q '"manifests"' "$1" || kind='\(image\.index\|manifest\.list\)\.v[12]'
  found=$(grep -o "application/vnd\.[a-z.]*$kind+json" "$1" | sed q)
  case $kind in manifest*) echo "${found:-application/vnd.oci.image.manifest.v1+json}" ;; *) echo "${found:-application/vnd.oci.image.index.v1+json}" ;; esac
}
