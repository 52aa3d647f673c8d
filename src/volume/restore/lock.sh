# --- one run at a time ---

# The workers hold the lock too, so a killed run keeps it until they have finished.
lock() {
  [ -z "$locked" ] || return 0
  if command -v flock >/dev/null; then
    { true >"$run/lock"; } 2>/dev/null || fail 4 "cannot write to $run" # if exec or : cannot, the shell ends
    exec 9>"$run/lock"
    wait_for_turn lock_file
  else
    echo "$$ $(started $$)" >"$tmp/owner"
    wait_for_turn own
  fi
  locked=yes
}

# Waits until $1 succeeds; without `flock -w`, which busybox does not have.
wait_for_turn() {
  start=$(now)
  "$1" && return
  log 'another restore.sh is running; waiting for it'
  until "$1"; do
    ! late "$start" "$lock_limit" ||
      fail 4 "another restore.sh is still running after $lock_limit s; wait for it or end it, then run restore.sh again"
    pause
  done
}

lock_file() {
  flock -n 9 2>/dev/null
  case $? in 0) ;; 1) return 1 ;; *) fail 4 "cannot lock $run/lock" ;; esac
}

own() { claim "$run/owner"; }

# Writes $tmp/owner to a file, unless another run has it.
claim() {
  claimed=$1
  ln "$tmp/owner" "$claimed" 2>/dev/null || { drop_dead_owner && ln "$tmp/owner" "$claimed" 2>/dev/null; }
}

unlock() {
  locked=''
  exec 9>&-
  [ ! -e "$tmp/owner" ] || ! same_file "$tmp/owner" "$claimed" || rm -f "$claimed"
}

same_file() { [ "$(cat "$1" 2>/dev/null)" = "$(cat "$2" 2>/dev/null)" ]; }

# Prints when a process started, to distinguish it from an earlier one with the same PID; nothing for zombies.
started() { sed -n 's/.*) //; /^Z/!p' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }

drop_dead_owner() {
  read -r owner since_boot 2>/dev/null <"$claimed" || return 0
  [ "$(started "$owner")" != "$since_boot" ] || return 0
  mv "$claimed" "$tmp/dead" 2>/dev/null || return 0
  # another run may have taken the lock just before
  [ "$(cat "$tmp/dead")" = "$owner $since_boot" ] || ln "$tmp/dead" "$claimed" 2>/dev/null
}
