# --- what counts as present ---

# missing, "name digest reason" of each name that is not there, whose layers do not all lead somewhere, or that CRI ignores,
# as $1 finds those.
judge() {
  { "$1" && { ! has_cri || ask_cri; }; } &
  spread "$names" right_names >"$tmp/right"
  while read -r chain dir; do
    [ ! -d "$dir" ] || echo "$chain"
  done <"$tmp/dirs" >"$tmp/whole"
  awk '
    FILENAME == ARGV[1] { right[$1]; next }
    FILENAME == ARGV[2] { unseen[$1]; next }
    FILENAME == ARGV[3] { whole[$1]; next }
    FILENAME == ARGV[4] { cri[$1]; listed = 1; next }
    FILENAME == ARGV[5] { if ($1 in whole && ($2 == "-" || $2 in sound)) sound[$1]; next }
    !($1 in right) { print $1, $2, "it is not in the store with the digest of the volume"; next }
    $3 != "-" && !($3 in sound) { print $1, $2, "some of its layers are not there"; next }
    $1 in unseen || listed && !($1 in cri) { print $1, $2, "the CRI plugin has not taken it over" }
  ' "$tmp/right" "$tmp/unseen" "$tmp/whole" "$tmp/cri" "$layers" "$names" >"$tmp/missing"
}

# A name whose layers are not there would keep the kubelet from pulling it.
drop_broken() { sed -n '/ some of its layers are not there$/p' "$tmp/missing" | remove_images; }

# Removes all names of the images whose digests stand second on standard input.
remove_images() {
  filters=$(awk '!seen[$2]++ { print "target.digest==" $2 }')
  [ -n "$filters" ] || return 0
  # shellcheck disable=SC2086 # words without blanks, here and below
  doomed=$($ctr images ls -q $filters) || return
  # shellcheck disable=SC2086
  [ -z "$doomed" ] || $ctr images rm --sync $doomed >/dev/null
}

report() {
  sed 's/^\([^ ]*\) [^ ]* /preload: missing \1: /' "$tmp/missing" >&2
  all=$(images <"$names") absent=$(images <"$tmp/missing")
  said="$((all - absent)) of $all images present for the kubelet, $(since "$begin")"
  [ "$absent" = 0 ] || fail 1 "$said"
  log "$said"
}

# --- older sets ---

# Sets whose volume went away while some of their images were left here: dead, but listed.
undo_lost_sets() (
  set +f
  for folder in "$state"/record/*; do
    other=${folder##*/}
    { [ -L "$state/$other" ] && [ ! -e "$state/$other/preload.json" ]; } || continue
    log "the volume of the older set $other is away, taking out what is linked to it"
    sh "$folder/restore.sh" --undo --address "$address" --ctr "$ctr" --namespace "$namespace" ${quiet:+--quiet}
  done
)
