# --- names, by containerd's own import ---

# For one platform, as the manifests of others may be missing.
import_flags() {
  set -- --platform "$platform"
  case $client in 1.*) ;; *) set -- "$@" --label "kubectl-preload/set=$set" ${pin:+--label "io.cri-containerd.pinned=$pin"} ;; esac
  # CRI of 1.x does not see what the transfer service imports, which unpacks for its own snapshotter only
  case $client:$server:$snapshotter in 1.* | 2.*:2.*:overlayfs) ;; *) set -- "$@" --local ;; esac
  echo "$@"
}

# "name digest chain" of the names that are another image here.
others() { awk 'FILENAME == ARGV[1] { right[$1]; next } !($1 in right)' "$tmp/right" "$tmp/known"; }

say_replaced() { others | while read -r name _; do log "$name was another image here, the volume's takes its place"; done; }

# Whether a name would go from an image that works to one whose layers could not be linked, and then be dropped with that.
spoils_names() {
  others | awk 'FILENAME == ARGV[1] { there[$1]; next } $3 != "-" && !($3 in there) { bad = 1 } END { exit !bad }' "$tmp/dirs" -
}

# Without unpacking, which the layers do not need.
import_names() {
  ! spoils_names || { log 'import: left out, as layers of names that are another image here could not be linked' && return; }
  say_replaced
  [ "$(count "$tmp/right")" != "$(count "$names")" ] || return 0
  start=$(now)
  # shellcheck disable=SC2046 # words without blanks, here and below
  $ctr images import --no-unpack $(import_flags) "$here/restore/images.tar" >/dev/null 2>"$tmp/errors" ||
    log "import: $(sed '$!d' "$tmp/errors")"
  phase import "$start" "$(images <"$names") images ($(count "$names") names)"
}

# --- mode import: every image by itself, in the order of the list, so that one bad blob costs one image ---

import_blobs() {
  say_replaced
  others >"$tmp/others"
  start=$(now)
  judge find_unseen
  awk '!seen[$2]++ { print $2 }' "$tmp/missing" >"$tmp/todo"
  : >"$tmp/imported"
  while read -r digest; do import_image; done <"$tmp/todo" 2>"$tmp/errors"
  phase import "$start" "$(count "$tmp/todo") images with their layers"
  [ ! -s "$tmp/errors" ] || log "import: $(sed '$!d' "$tmp/errors")"
  list_snapshots
  survey
}

# An OCI layout with one image, of links to the volume, as the archive that containerd reads. It leaves out the blobs that
# came with an image before. A name that is another image here follows when the layers are there: a failed import of ctr 1.x
# leaves all names.
import_image() {
  layout=$tmp/image
  mkdir -p "$layout/blobs/sha256"
  awk -v digest="$digest" 'FILENAME == ARGV[1] { imported[$1]; next }
    $1 == digest && !($2 in imported) && !seen[$2]++ { print $2 }' "$tmp/imported" "$blobs" >"$tmp/new"
  # shellcheck disable=SC2046 # words without blanks, here and below
  ln -s $(sed "s|^sha256:|$here/blobs/sha256/|" "$tmp/new") "$layout/blobs/sha256/"
  printf '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
  awk -v digest="$digest" 'FILENAME == ARGV[1] { other[$1]; if ($2 == digest) n++; next }
    n && $2 == digest && !($1 in other)' "$tmp/others" "$names" >"$tmp/safe"
  { [ ! -s "$tmp/safe" ] || send_image "$tmp/safe"; } && send_image "$names" && cat "$tmp/new" >>"$tmp/imported"
  rm -r "$layout"
}

send_image() {
  index_of "$digest" "$1" >"$layout/index.json"
  # shellcheck disable=SC2046
  tar -C "$layout" -chf - oci-layout index.json blobs | $ctr images import $(import_flags) - >/dev/null
}

# index.json with every name of the image in that list.
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

# Old documents do not say their type.
media_type() {
  kind='manifest\.v[12]'
  ! grep -q '"manifests"' "$1" || kind='\(image\.index\|manifest\.list\)\.v[12]'
  found=$(grep -o "application/vnd\.[a-z.]*$kind+json" "$1" | sed q)
  case $kind in manifest*) echo "${found:-application/vnd.oci.image.manifest.v1+json}" ;; *) echo "${found:-application/vnd.oci.image.index.v1+json}" ;; esac
}
