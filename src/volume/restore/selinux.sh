# --- SELinux: labels that container processes may read ---

# Layers have the labels of the node where they were captured, or none, unless the volume is mounted with a label. This is only
# a warning: if CRI has SELinux enabled, containerd gives each container's root filesystem a label of its own, and if not,
# containers are not confined. Only a policy that is stricter than that of container-selinux needs the labels on layers.
check_selinux() {
  { [ -e /sys/fs/selinux/enforce ] && [ "$(cat /sys/fs/selinux/enforce)" = 1 ]; } || return 0
  # shellcheck disable=SC2046 # words without spaces
  label=$(stat -c %C $(awk -v volume="$here" '{ print volume "/layers/" substr($1, 8) "/fs" }' "$layers") 2>/dev/null |
    awk '!/:(container_file_t|container_ro_file_t|container_share_t):s0$/ { print (/:/ ? "the label " $0 : "an unknown label"); exit }')
  [ -z "$label" ] || log "warning: SELinux is enforcing, and the layers on the volume have $label:" \
    "a policy may deny containers their own files; if so, run restore.sh --undo, unmount $here," \
    "and mount it with -o ro,context=system_u:object_r:container_ro_file_t:s0"
}
