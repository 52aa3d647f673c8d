# --- losses: whatever containerd has and the volume does not ---

# Writes losses, a line for each, and snapshots.
find_losses() {
  true >"$tmp/snapshots" # of an earlier look
  kinds >"$tmp/kinds"
  {
    [ ! -s "$tmp/kinds" ] || ask_for_losses
    (set +f && for task in /run/containerd/io.containerd.runtime.v2.task/*/*; do [ ! -e "$task" ] || echo "a container runs in $task"; done)
  } >"$tmp/losses"
  need_answers
}

# Prints the kinds of objects that containerd may have. Its database has the name of a kind as a key since the first such
# object, and bolt never splits a key. To find nothing there is a tenth of the work of one call of ctr.
kinds() {
  keys_among containers sandboxes leases ingests images snapshots | while read -r kind; do
    [ "$kind" = snapshots ] || { echo "$kind -" && continue; }
    list_plugins
    # shellcheck disable=SC2046 # words without spaces
    keys_among $(awk '$1 == "io.containerd.snapshotter.v1" && $NF == "ok" { print $2 }' "$tmp/plugins") | sed 's/^/snapshots /'
  done
}

keys_among() {
  tr -s '\0' '\n' <"$root/$metadata/meta.db" | awk -v words="$*" '
    BEGIN { for (n = split(words, all, " "); n; n--) word[all[n]] }
    { for (key in word) if (index($0, key)) { print key; delete word[key] } }'
}

ask_for_losses() {
  call namespaces ls -q >"$tmp/namespaces" || echo 'its namespaces cannot be listed'
  while read -r space; do
    sed "s/^/$space /" "$tmp/kinds"
  done <"$tmp/namespaces" >"$tmp/questions"
  spread "$tmp/questions" losses
}

losses() {
  while read -r space kind other; do
    export CONTAINERD_NAMESPACE="$space"
    of=$tmp/lost.$worker
    case $kind in
      containers) call containers ls -q ;;
      sandboxes) call sandboxes ls ;;
      leases) call leases ls -q ;;
      ingests) call content active ;;
      images) call images ls -q ;;
      snapshots) call snapshots --snapshotter "$other" ls ;;
    esac >"$of" || { echo "$kind of namespace $space cannot be listed" && continue; }
    case $kind:$space:$other in
      images:k8s.io:*) other_images "$of" ;;
      snapshots:k8s.io:overlayfs) cp "$of" "$tmp/snapshots" && other_snapshots "$of" ;;
      sandboxes:* | ingests:* | snapshots:*) sed 1d "$of" ;; # without the head of the table
      *) cat "$of" ;;
    esac | sed -n "1s|^\([^ ]*\).*|namespace $space has the ${kind%s} \1|p"
  done
}

# Names and digests that CRI has added to images of the volume come back with it.
other_images() {
  [ -s "$1" ] || return 0
  # shellcheck disable=SC2046 # words without spaces
  call images ls -q $(awk '!seen[$2]++ { print "target.digest==" $2 }' "$names") >"$1.ours" || echo unknown
  awk 'FILENAME == ARGV[1] { known[$1]; next } FILENAME == ARGV[2] { ours[$1]; next }
    !($1 in ours) || !($1 in known) && $1 !~ /^sha256:/' "$names" "$1.ours" "$1"
}

other_snapshots() {
  awk 'FILENAME == ARGV[1] { ours[$1]; next } FNR > 1 && !($1 in ours && $NF == "Committed")' "$layers" "$1"
}
