# --- time limits: whatever hangs must not hang the boot ---

# Runs a command for at most about $1 seconds; up is when it began. `timeout` would start another process for each call.
within() {
  read -r up _ </proc/uptime
  (
    read -r self _ </proc/self/stat
    echo "$self $((${up%.*} + $1))" >"$tmp/call.$worker"
    shift
    exec "$@"
  )
  code=$?
  true >"$tmp/call.$worker"
  return "$code"
}

# Ends each command whose time is over, and all if this run was killed; then its workers must not hold the lock any longer.
watch_calls() {
  exec </dev/null >/dev/null 2>&1 9>&- # nobody must wait for this process, because of the output or the lock of this run
  set +f
  while [ -d "$tmp" ] && sleep 1; do
    read -r up _ </proc/uptime
    [ -d "/proc/$$" ] || { true >"$tmp/expired" && up=99999999999; }
    for file in "$tmp"/call.*; do
      read -r command deadline 2>/dev/null <"$file" || continue
      [ "${up%.*}" -lt "$deadline" ] || kill "$command"
      [ "${up%.*}" -lt $((deadline + 5)) ] || kill -KILL "$command"
    done
    [ -d "/proc/$$" ] || return
  done
}

call() { call_within "$call_limit" "$@"; }

# For calls that read or write the content of images.
long_call() { call_within "$long_call_limit" "$@"; }

# After a call that took too long, all others fail at once.
call_within() {
  [ ! -e "$tmp/expired" ] || return 1
  limit=$1 && shift
  # shellcheck disable=SC2086 # words without spaces
  within "$limit" $ctr "$@" && return
  code=$?
  read -r returned _ </proc/uptime
  [ $((${returned%.*} - ${up%.*})) -lt "$limit" ] || echo "ctr did not end within $limit s" >"$tmp/expired"
  return "$code"
}

# Missing answers must not look like missing images.
need_answers() { [ ! -e "$tmp/expired" ] || fail 4 'containerd does not answer; nothing was removed'; }
