# --- one run at a time ---

# The workers hold the lock too, so a killed run keeps it until they have finished.
lock() {
  if command -v flock >/dev/null; then
    exec 9>"$run/lock"
    flock -n 9 || { say_waiting && flock 9; }
  else
    echo "$$ $(started $$)" >"$tmp/owner"
    ln "$tmp/owner" "$run/owner" 2>/dev/null || { say_waiting && wait_for_owner; }
  fi
}

say_waiting() { log 'another restore.sh is running; waiting for it'; }

wait_for_owner() {
  until ln "$tmp/owner" "$run/owner" 2>/dev/null; do
    drop_dead_owner
    pause
  done
}

unlock() {
  exec 9>&-
  [ ! -e "$tmp/owner" ] || ! same_file "$tmp/owner" "$run/owner" || rm -f "$run/owner"
}

same_file() { [ "$(cat "$1" 2>/dev/null)" = "$(cat "$2" 2>/dev/null)" ]; }

# Prints when a process started, to distinguish it from an earlier one with the same PID; nothing for zombies.
started() { sed -n 's/.*) //; /^Z/!p' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }

drop_dead_owner() {
  read -r owner since_boot 2>/dev/null <"$run/owner" || return 0
  [ "$(started "$owner")" != "$since_boot" ] || return 0
  mv "$run/owner" "$tmp/dead" 2>/dev/null || return 0
  # another run may have taken the lock just before
  [ "$(cat "$tmp/dead")" = "$owner $since_boot" ] || ln "$tmp/dead" "$run/owner" 2>/dev/null
}
