# --- output: one line per phase on standard error, and a result file for programs ---

# Standard error may be closed or its disk full; what follows these calls must happen nevertheless.
log() { [ -n "$quiet" ] || printf 'preload: %s\n' "$*" >&2 || :; }
fail() {
  code=$1 && shift
  message=$*
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

start_result() {
  set='' server='' message='' tmp=$run/$$
  trap 'end $?' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  { mkdir -p "$run" && remove_stale && mkdir "$tmp"; } 2>/dev/null || return 0
  for file in phases missing cri; do : >"$tmp/$file"; done
}

# Removes the folders of killed runs.
remove_stale() (
  set +f
  for folder in "$run"/[0-9]*; do
    { [ -d "$folder" ] && [ -z "$(started "${folder##*/}")" ]; } || continue
    umount "$folder/copy-trial/merged" 2>/dev/null
    rm -rf "$folder"
  done
)

end() {
  [ -d "$tmp" ] || return
  write_result "$1" >"$tmp/result" && mv -f "$tmp/result" "$run/$action.json"
  unlock
  rm -rf "$tmp"
}

write_result() {
  text=$(printf %s "$message" | tr '"\\\n' "'/ ")
  printf '{"action":"%s","exitCode":%d,"message":"%s","seconds":%s,' "$action" "$1" "$text" "$(since "$begin" | tr -d s)"
  printf '"set":"%s","mode":"%s","containerd":"%s",' "$set" "$mode" "$server"
  awk 'BEGIN { printf "\"phases\":{" } { printf "%s\"%s\":%s", sep, $1, $2; sep = "," } END { printf "}," }' "$tmp/phases"
  awk 'BEGIN { printf "\"missing\":[" }
    { reason = $0; sub(/^[^ ]* [^ ]* /, "", reason); printf "%s{\"name\":\"%s\",\"reason\":\"%s\"}", sep, $1, reason; sep = "," }
    END { print "]}" }' "$tmp/missing"
}

# --- numbers, times, lists ---

count() { awk 'END { print NR }' "$1"; }
# Hundredths of a second since boot.
now() { read -r up _ </proc/uptime && echo "${up%.*}${up#*.}"; }
# Prints the seconds since $1, such as 1.05s.
since() { passed=$(($(now) - $1)) && printf '%d.%02ds\n' "$((passed / 100))" "$((passed % 100))"; }
# Whether --wait has passed since $1.
late() { [ $(($(now) - $1)) -ge $((wait * 100)) ]; }
pause() { sleep 0.1 2>/dev/null || sleep 1; }

# "name digest chain" of the names on standard input that are on the volume.
ours() { awk 'FILENAME == ARGV[1] { ours[$1] = $0; next } $1 in ours { print ours[$1] }' "$names" -; }

# Number of distinct images among the names on standard input.
images() { awk 'FILENAME == ARGV[1] { digest[$1] = $2; next } !seen[digest[$1]]++ { n++ } END { print n + 0 }' "$names" -; }

# Runs a function in several workers; each reads a slice of the file from standard input.
spread() {
  file=$1 && shift
  awk -v slice="$tmp/slice." -v workers="$workers" '
    BEGIN { for (i = 0; i < workers; i++) printf "" >(slice i) } { print >(slice ((NR - 1) % workers)) }' "$file"
  worker=0
  while [ "$worker" -lt "$workers" ]; do
    [ ! -s "$tmp/slice.$worker" ] || "$@" <"$tmp/slice.$worker" &
    worker=$((worker + 1))
  done
  wait
}
