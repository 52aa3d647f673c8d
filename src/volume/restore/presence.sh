# --- what counts as present ---

# Writes missing, "name digest reason" of each name that is missing, has missing layers, or is not known to CRI. $1 finds
# the names that CRI does not know.
find_missing() {
  { [ "$mode" = store ] && find_listed; } || find_present "$1"
  need_answers
  sed 's/.* //' "$tmp/dirs" | xargs stat -L -c '%F %n' >"$tmp/there" 2>/dev/null
  awk '
    FILENAME == ARGV[1] { right[$1]; next }
    FILENAME == ARGV[2] { unseen[$1]; next }
    FILENAME == ARGV[3] { if ($1 == "directory") there[$2]; next }
    FILENAME == ARGV[4] { if ($2 in there) whole[$1]; next }
    FILENAME == ARGV[5] { cri[$1]; listed = 1; next }
    FILENAME == ARGV[6] { if ($1 in whole && ($2 == "-" || $2 in complete)) complete[$1]; next }
    !($1 in right) { print $1, $2, "not in containerd, or with another digest than on the volume"; next }
    $3 != "-" && !($3 in complete) { print $1, $2, "some of its layers are missing"; next }
    $1 in unseen || listed && !($1 in cri) { print $1, $2, "the CRI plugin does not list it" }
  ' "$tmp/right" "$tmp/unseen" "$tmp/there" "$tmp/dirs" "$tmp/cri" "$layers" "$names" >"$tmp/missing"
}

# Writes right, the names that CRI lists. In mode store that is enough, because the digests are those of the seed. Fails
# without crictl. CRI answers some time after containerd has started, with more and more names.
find_listed() {
  [ -n "$cri_uses" ] || return
  start=$(now)
  until ask_cri && [ -s "$tmp/cri" ] && has_all "$tmp/cri" "$names"; do
    ! late "$start" || break
    pause 0.03
  done
  [ -s "$tmp/cri" ] || return
  true >"$tmp/unseen"
  cp "$tmp/cri" "$tmp/right"
}

find_present() {
  list_in_cri "$1" &
  listing=$!
  find_right "$names"
  wait "$listing"
}

list_in_cri() {
  worker=cri
  "$1" && { ! has_cri || ask_cri; }
}

# The kubelet would not pull an image whose name exists, even if its layers are missing.
drop_broken() {
  sed -n '/ some of its layers are missing$/p' "$tmp/missing" >"$tmp/broken"
  [ ! -s "$tmp/broken" ] || check_room || fail 4 "not enough space in $run; nothing was removed"
  remove_images <"$tmp/broken"
}

# Removes all names of the images whose digests are in the second column of standard input.
remove_images() {
  filters=$(awk '!seen[$2]++ { print "target.digest==" $2 }')
  [ -n "$filters" ] || return 0
  # shellcheck disable=SC2086 # words without spaces, here and below
  names_to_remove=$(call images ls -q $filters) || return
  # shellcheck disable=SC2086
  [ -z "$names_to_remove" ] || long_call images rm --sync $names_to_remove >/dev/null
}
