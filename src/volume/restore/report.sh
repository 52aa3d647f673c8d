# --- output: one line per phase on standard error, and a result file for programs ---

# Standard error may be closed or its disk full; what follows these calls must happen nevertheless.
log() { [ -n "$quiet" ] || printf 'preload: %s\n' "$*" >&2 || :; }
fail() {
  code=$1 && shift
  message=$*
  [ ! -s "$tmp/expired" ] || message="$message ($(cat "$tmp/expired"))"
  printf 'preload: error: %s\n' "$message" >&2
  exit "$code"
}
refuse() { fail 3 "cannot use volume $here: $*"; }

# Logs the end of phase $1, which began at $2.
phase() {
  name=$1 spent=$(since "$2") && shift 2
  log "$name: $* in $spent"
  echo "$name ${spent%s}" >>"$tmp/phases"
}

report() {
  absent=0
  [ ! -s "$tmp/missing" ] || { absent=$(images <"$tmp/missing") && sed 's/^\([^ ]*\) [^ ]* /preload: missing \1: /' "$tmp/missing" >&2; }
  message="$((all_images - absent)) of $all_images images present $(audience), $(since "$begin")"
  [ "$absent" = 0 ] || fail 1 "$message"
  log "$message"
}

start_result() {
  set='' server='' message='' digest_of_contents='' trying='' asking='' finding='' seen='' connected='' cri_uses='' swapping='' hashing='' unpacking='' locked='' tmp=$run/$$
  trap 'end $?' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  { remove_stale && mkdir -p "$tmp"; } 2>/dev/null || return 0
  for file in phases missing cri; do true >"$tmp/$file"; done 2>/dev/null
}

check_node() {
  [ "$(id -u)" = 0 ] || fail 4 'restore.sh must run as root'
  [ -d "$tmp" ] || fail 4 "cannot write to $run"
  check_room || fail 4 "not enough space in $run; free some there and run restore.sh again"
}

# Lists that a full disk cuts short would look like missing images.
check_room() {
  has_space "$run" $((1024 + 4 * (all_layers + all_names))) 256
}

# Removes the folders of killed runs.
remove_stale() (
  set +f
  for folder in "$run"/[0-9]*; do
    { [ -d "$folder" ] && [ -z "$(started "${folder##*/}")" ]; } || continue
    umount "$folder/copy-trial/merged" 2>/dev/null
    rm -rf "$folder" || : # a worker of a killed run may still write there
  done
)

end() {
  [ -d "$tmp" ] || return
  { write_result "$1" >"$tmp/result" && mv -f "$tmp/result" "$run/$action.json"; } || rm -f "$run/$action.json" # of an earlier run
  [ -z "$unpacking" ] || drop_preparations
  unlock
  # does nothing without a depot, so it may stay if another run has the lock
  [ -z "$swapping" ] || [ -L "$state/depot" ] || { flock -n "$run/lock" rm -f "$swapper" && rmdir "${swapper%/*}"; } 2>/dev/null
  for process in $trying $asking $finding $hashing; do wait "$process"; done # they write to the folder
  rm -rf "$tmp"
}

write_result() {
  seconds=$(since "$begin")
  case $message in *[\"\\]* | *"
"*) text=$(printf %s "$message" | tr '"\\\n' "'/ ") ;; *) text=$message ;; esac
  printf '{"action":"%s","exitCode":%d,"message":"%s","seconds":%s,' "$action" "$1" "$text" "${seconds%s}"
  printf '"set":"%s","digest":"%s","mode":"%s","containerd":"%s",' "$set" "$digest_of_contents" "$mode" "$server"
  awk '
    FILENAME == ARGV[1] { phases = phases (phases == "" ? "" : ",") "\"" $1 "\":" $2; next }
    { name = $1; sub(/^[^ ]* [^ ]* /, ""); missing = missing (missing == "" ? "" : ",") "{\"name\":\"" name "\",\"reason\":\"" $0 "\"}" }
    END { print "\"phases\":{" phases "},\"missing\":[" missing "]}" }' "$tmp/phases" "$tmp/missing"
}
