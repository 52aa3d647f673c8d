# --- containerd must not start without the volume: it would list images that cannot run ---

drop_ins() {
  case $address in
    */k3s/*) set -- k3s k3s-agent rke2-server rke2-agent ;;
    */k0s/*) set -- k0scontroller k0sworker ;;
    *) set -- containerd ;;
  esac
  printf '/etc/systemd/system/%s.service.d/kubectl-preload.conf\n' "$@"
}

guard_boot() {
  [ -d /run/systemd/system ] || return 0
  for file in $(drop_ins); do
    mkdir -p "${file%/*}" || fail 4 "cannot write $file"
    printf '%s\n' '[Unit]' "RequiresMountsFor=$here" '[Service]' \
      "ExecStartPre=/bin/sh -c 'test -f $state/$set/preload.json'" >"$file"
  done
  reload_systemd
}

unguard_boot() {
  for file in $(drop_ins); do
    ! grep -qs "$state/$set/" "$file" || { rm -f "$file" && reload_systemd; }
  done
}

reload_systemd() { systemctl daemon-reload 2>/dev/null || log 'systemctl daemon-reload failed; the change to containerd takes effect at the next boot'; }
