# --- undo ---

# Links layers that another set on this node also has to that set. Writes mine, the layers to remove.
relink_shared() {
  links | while read -r chain dir target; do
    [ "$target" = "$linked/${chain#sha256:}/fs" ] || continue
    other=$(in_other_set "${chain#sha256:}")
    if [ -n "$other" ]; then ln -sfn "$other" "$dir"; else echo "$chain"; fi
  done >"$tmp/mine"
}

in_other_set() (
  set +f
  for path in "$state"/*/layers/"$1"/fs; do
    [ "$path" != "$linked/$1/fs" ] && [ -d "$path" ] && echo "$path" && return
  done
)

# Garbage collection removes the layers, because it knows what else needs them; ctr refuses to remove a layer if a child was
# ever collected. Images of containers keep their names and layers.
remove_linked() {
  awk -v names="$tmp/free-names" '
    FILENAME == ARGV[1] { mine[$1]; next }
    FILENAME == ARGV[2] { if (NF > 2 && $NF != "Committed") keep[$(NF - 1)]; next }
    FILENAME == ARGV[3] { parent[$1] = $2; chain[++n] = $1; next }
    !($3 in keep) && ($3 in mine) { print >names }
    END { for (; n; n--) if (chain[n] in keep) keep[parent[chain[n]]]; else if (chain[n] in mine) print chain[n] }
  ' "$tmp/mine" "$tmp/snapshots" "$layers" "$names" >"$tmp/free"
  [ ! -f "$tmp/free-names" ] || remove_images <"$tmp/free-names" || fail 1 "cannot remove the linked images from containerd"
  unregister_blobs
  { true >"$state/unrooted"; } 2>/dev/null
  spread "$tmp/free" unroot
  collect_garbage || fail 1 'cannot remove the linked layers from containerd; run restore.sh --undo again'
  call snapshots ls >"$tmp/snapshots" || fail 1 "cannot list the snapshots in containerd"
  awk 'FILENAME == ARGV[1] { mine[$1]; next } $1 in mine' "$tmp/mine" "$tmp/snapshots" >"$tmp/stuck"
  [ ! -s "$tmp/stuck" ] || fail 1 "$(count "$tmp/stuck") linked layers are still in use by $(users | sed "s/ \$//"); remove those containers or images and run restore.sh --undo again"
}

collect_garbage() { long_call leases rm --sync "$(call leases create)" >/dev/null && rm -f "$state/unrooted"; }

# What a killed --undo has unrooted is there until the next garbage collection, which may come while it is restored.
collect_unrooted() { [ ! -e "$state/unrooted" ] || collect_garbage; }

unroot() { while read -r chain; do call snapshots label "$chain" containerd.io/gc.root= >/dev/null; done; }

# Prints the containers and images that use linked layers; images by config digest, which is their ID in CRI.
users() {
  label=containerd.io/gc.ref.snapshot.overlayfs
  call content ls "labels.\"$label\"" | sed -n "s|^\([^[:blank:]]*\).*$label=\(sha256:[0-9a-f]*\).*|\1 \2|p" |
    awk '
      FILENAME == ARGV[1] { linked[$1]; next }
      FILENAME == ARGV[2] { if (NF > 2) { parent[$1] = $(NF - 1); if ($NF != "Committed") container[$1] } next }
      { top[$1] = $2 }
      END {
        do { n = 0; for (key in parent) if (!(key in linked) && parent[key] in linked) { linked[key]; n++ } } while (n)
        for (key in container) if (key in linked) printf "%s ", key
        for (config in top) if (top[config] in linked) printf "%s ", config
      }
    ' "$tmp/mine" "$tmp/snapshots" -
}

forget() {
  call images ls -q "labels.\"kubectl-preload/set\"==$set" >"$tmp/ours" || fail 1 "cannot list the images in containerd; run restore.sh --undo again"
  spread "$tmp/ours" label kubectl-preload/set= io.cri-containerd.pinned=
  unguard_boot "$set"
  free_kubelet
  rm -rf "$record" "${state:?}/$set"
  rmdir "$state/record" "$state/new" "$state" 2>/dev/null
}

# Removes the images of sets whose volume is gone: containerd lists them, but they cannot run.
undo_unmounted_sets() (
  set +f
  for folder in "$state"/record/*; do
    other=${folder##*/}
    { [ "$other" != "$set" ] && [ -L "$state/$other" ] && ! mounted "$other"; } || continue
    log "the volume of the older set $other is no longer mounted; removing its linked images"
    sh "$folder/restore.sh" --undo --address "$address" --ctr "$ctr" --namespace "$namespace" ${quiet:+--quiet}
  done
)
