# --- a label for the node, which the kubelet gives it when it registers ---

label_file=$run/kubelet.env # of this boot, because the next one may restore something else

# For --install: lets the kubelet read what each boot writes.
prepare_label() {
  find_flags || { log "install: no label for the node: $why" && node_label='' && return; }
  write_unit "$units/kubelet.service.d/kubectl-preload-$set.conf" use_label || fail 4 "cannot write to $units"
}

use_label() { printf '%s\n' "# kubectl preload, set $set" '[Service]' "EnvironmentFile=-$label_file"; }

# Adds the label to the flags that the node has for its kubelet.
label_node() {
  find_flags || { log "no label for the node: $why" && return; }
  echo "$variable=\"$flags --node-labels=preload/set=$set\"" >"$label_file" || log "no label for the node: cannot write $label_file"
  log "label: the kubelet registers the node with preload/set=$set"
}

# Sets variable, in which kubelet.service passes flags, and flags, what it has without us.
find_flags() {
  why='the command of kubelet.service has neither KUBELET_EXTRA_ARGS nor NODEADM_KUBELET_ARGS'
  variable=$(systemctl show --property=ExecStart --value kubelet.service | grep -o 'KUBELET_EXTRA_ARGS\|NODEADM_KUBELET_ARGS' | sed q)
  [ -n "$variable" ] || return
  systemctl show --property=EnvironmentFiles --value kubelet.service | sed 's/ (.*//' | grep -vFx "$label_file" >"$tmp/environment"
  flags=$(while read -r file; do cat "$file" 2>/dev/null; done <"$tmp/environment" | sed -n "s/^ *$variable=//p" | sed '$!d; s/^"\(.*\)"$/\1/; s/^'\''\(.*\)'\''$/\1/')
  why='the flags of the kubelet have quotation marks'
  case $flags in *[\"\'\\]*) return 1 ;; esac
}
