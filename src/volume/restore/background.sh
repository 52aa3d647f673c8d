# --- work that goes on after this run ---

# Runs a command in its own unit if possible, because systemd kills background processes when the unit of this run ends.
# Nobody must wait for it, because of the output or the lock of this run.
in_background() {
  job=$1 && shift
  set -- nice -n 19 "$@"
  ! command -v ionice >/dev/null || set -- ionice -c 3 "$@"
  # in a subshell, because workers are waited for
  ({
    systemd-run --quiet --collect --unit "kubectl-preload-$job-$set" "$@" 2>/dev/null || exec setsid "$@"
  } </dev/null >"$record/$job.log" 2>&1 9>&- &)
}
