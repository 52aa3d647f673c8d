# --- work that goes on after this run ---

# Runs a command in its own unit if possible, because systemd kills background processes when the unit of this run ends.
# Whoever reads the output of this run must not wait for it.
in_background() {
  job=$1 && shift
  set -- nice -n 19 "$@"
  ! command -v ionice >/dev/null || set -- ionice -c 3 "$@"
  {
    systemd-run --quiet --collect --unit "kubectl-preload-$job-$set" "$@" 2>/dev/null || exec setsid "$@"
  } </dev/null >"$record/$job.log" 2>&1 &
}
