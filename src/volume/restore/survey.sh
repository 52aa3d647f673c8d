# --- what the node already has ---

# Writes to $tmp: have, the layers on the node; known, the names on the node; right, the known names with the right digest.
survey() {
  awk 'FILENAME == ARGV[1] { ours[$1]; next } $1 in ours && $NF == "Committed" { print $1 }' \
    "$layers" "$tmp/snapshots" >"$tmp/have"
  if [ "$snapshotter" = overlayfs ]; then locate; else sed 's|$| /|' "$tmp/have" >"$tmp/dirs"; fi
  call images ls -q >"$tmp/listed" || fail 4 "cannot list the images in containerd; nothing was removed"
  ours <"$tmp/listed" >"$tmp/known"
  find_right "$tmp/known"
  need_answers
}

# Writes dirs, "chain directory" of each layer on the node, from the mount command of a snapshot prepared on top of it: that
# lists the directories of the whole chain. If the volume of a linked layer is not mounted, ctr fails, and its error contains
# only the top directory. After any other error the layer may be in use, so the run fails. The first answer shows where all
# directories are; those of linked layers tell by themselves which layer they are, without a call of ctr.
locate() {
  cp "$tmp/have" "$tmp/unlocated"
  true >"$tmp/dirs"
  probes=1
  while [ -s "$tmp/unlocated" ]; do
    awk '
      FILENAME == ARGV[1] { unlocated[$1]; next }
      $1 in unlocated { top[$1]; delete top[$2] }
      END { for (chain in top) print chain }
    ' "$tmp/unlocated" "$layers" | sed "${probes}q" >"$tmp/tops"
    spread "$tmp/tops" probe >"$tmp/chains" 2>"$tmp/errors"
    awk -v rest="$tmp/unlocated" '
      FILENAME == ARGV[1] { unlocated[$1]; next }
      FILENAME == ARGV[2] { parent[$1] = $2; next }
      { n = split($2, dir, ":"); chain = $1
        for (i = 1; i <= n; i++) {
          if (chain in unlocated) print chain, dir[i]
          delete unlocated[chain]
          chain = parent[chain]
        }
        delete unlocated[$1] }
      END { printf "" >rest; for (chain in unlocated) print chain >rest }
    ' "$tmp/unlocated" "$layers" "$tmp/chains" >>"$tmp/dirs"
    { [ -s "$tmp/chains" ] && [ ! -s "$tmp/errors" ]; } || break
    [ "$probes" = '$' ] || locate_links
    probes='$'
  done
  [ ! -s "$tmp/unlocated" ] || fail_unknown
  [ ! -s "$tmp/have" ] || { list_snapshots && remove_snapshots "^preload-probe-$$-"; }
  sed 's/ .*//' "$tmp/dirs" >"$tmp/have"
}

# Without those of two directories, of which a kill has left one behind.
locate_links() (
  set +f
  read -r _ dir <"$tmp/dirs" || return
  # shellcheck disable=SC2012 # numbers
  ls -ld "${dir%/*/fs}"/*/fs 2>/dev/null |
    sed -n "s|.* \(/[^ ]*\) -> $state/[0-9a-f]*/layers/\([0-9a-f]*\)/fs\$|sha256:\2 \1|p" |
    awk -v rest="$tmp/unlocated" '
      FILENAME == ARGV[1] { unlocated[$1]; next }
      $1 in unlocated { dir[$1] = $2; times[$1]++ }
      END {
        for (chain in times) if (times[chain] == 1) { print chain, dir[chain]; delete unlocated[chain] }
        printf "" >rest
        for (chain in unlocated) print chain >rest
      }
    ' "$tmp/unlocated" - >>"$tmp/dirs"
)

probe() {
  while read -r chain; do
    answer=$(call snapshots prepare --target /x "preload-probe-$$-${chain#sha256:}" "$chain" 2>&1)
    case $answer in
      *lowerdir=*) answer=${answer##*lowerdir=} && echo "$chain ${answer%%[ ,]*}" ;;
      *" stat /"*/snapshots/*/fs:\ *) answer=${answer##* stat } && echo "$chain ${answer%%: *}" ;;
      *"parent snapshot $chain does not exist"*) echo "$chain" ;; # garbage-collected since it was listed
      *) printf '%s\n' "${answer:-ctr printed nothing}" >&2 ;;
    esac
  done
}

fail_unknown() {
  ! call snapshots ls >"$tmp/snapshots" 2>/dev/null || remove_snapshots "^preload-probe-$$-" 2>/dev/null
  fail 4 "cannot find where containerd keeps $(count "$tmp/unlocated") layers: $(sed '$!d' "$tmp/errors"); nothing was removed"
}

list_snapshots() { call snapshots ls >"$tmp/snapshots" || fail 4 "cannot list the snapshots in containerd; nothing was removed"; }

# Removes what killed runs left: those of restore.sh, and the holds of `kubectl preload export` on layers of this node, which
# would keep them for ever: containerd lets only leases expire, and ctr cannot put a snapshot under one.
remove_leftovers() {
  [ -s "$tmp/snapshots" ] || return 0
  remove_snapshots "$leftovers"
  sed -n 's/^\(preload-export-\([0-9]*\)-\([0-9]*\)-[^ ]*\) .*/\1 \2 \3/p' "$tmp/snapshots" >"$tmp/holds"
  while read -r key holder since_boot; do
    [ "$(started "$holder")" = "$since_boot" ] || remove_snapshots "^$key\$"
  done <"$tmp/holds"
}

# Removes the snapshots that match $1, also from the list.
remove_snapshots() {
  awk -v pattern="$1" -v rest="$tmp/rest" '$1 ~ pattern { print $1; next } { print >rest }' "$tmp/snapshots" >"$tmp/keys"
  [ -s "$tmp/keys" ] || return 0
  # shellcheck disable=SC2046 # words without spaces, here and below
  call snapshots rm $(cat "$tmp/keys")
  mv "$tmp/rest" "$tmp/snapshots"
}

# Writes right, the names in a list that have the right digest.
find_right() {
  if [ "$(count "$1")" -gt 50 ]; then spread "$1" right_names; elif [ -s "$1" ]; then right_names <"$1"; fi >"$tmp/right"
}

right_names() {
  filters=$(awk '{ printf "name==\"%s\",target.digest==\"%s\"\n", $1, $2 }')
  # shellcheck disable=SC2086
  call images ls -q $filters
}
