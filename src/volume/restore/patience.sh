# --- time limits: whatever hangs must not hang the boot ---

# Sets timeout to a command that ends another one after a number of seconds; '' if the node has none.
find_timeout() {
  for timeout in 'timeout --foreground -k 5' 'timeout -k 5' timeout; do # of coreutils, of busybox, of an old one
    ! $timeout 5 true 2>/dev/null || return 0
  done
  timeout=''
}

# Runs ctr for at most $1 seconds.
ctr_within() {
  within=$1 && shift
  # shellcheck disable=SC2086 # words without spaces
  if [ -n "$timeout" ]; then $timeout "$within" $ctr "$@"; else $ctr --timeout "${within}s" "$@"; fi
}

call() { call_within "$call_limit" "$@"; }

# For calls that read or write the content of images.
long_call() { call_within "$long_call_limit" "$@"; }

# After a call that took too long, all others fail at once.
call_within() {
  [ ! -e "$tmp/expired" ] || return 1
  read -r called _ </proc/uptime
  ctr_within "$@" && return
  code=$?
  read -r returned _ </proc/uptime
  [ $((${returned%.*} - ${called%.*})) -lt "$1" ] || echo "ctr did not end within $1 s" >"$tmp/expired"
  return "$code"
}

# Missing answers must not look like missing images.
need_answers() { [ ! -e "$tmp/expired" ] || fail 4 'containerd does not answer; nothing was removed'; }
