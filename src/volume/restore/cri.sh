# --- what the CRI plugin of containerd knows ---

has_cri() { [ "$namespace" = k8s.io ] && { [ -n "$cri_uses" ] || plugin_ok io.containerd.grpc.v1 cri; }; }

# Who can use what is in containerd.
audience() {
  if has_cri; then
    echo 'for the kubelet'
  elif [ "$namespace" = k8s.io ]; then
    echo 'in containerd, but not for the kubelet, because containerd has no CRI plugin'
  else
    echo "in containerd's namespace $namespace"
  fi
}

# Sets crictl. Fails if the node has none.
find_crictl() {
  crictl=${ctr%% -*} && crictl=${crictl%ctr}crictl
  command -v "${crictl%% *}" >/dev/null || { crictl=crictl && command -v crictl >/dev/null; }
}

cri() {
  find_crictl || return
  # shellcheck disable=SC2086 # words without spaces
  within 10 $crictl --runtime-endpoint "unix://$address" --image-endpoint "unix://$address" --timeout 5s "$@" 2>/dev/null
}

# The kubelet sees an image only after the CRI plugin has labelled its name.
wait_for_cri() {
  start=$(now)
  until find_unseen && [ ! -s "$tmp/unseen" ] || late "$start"; do pause; done
}

find_unseen() {
  true >"$tmp/unseen"
  has_cri || return 0
  call images ls -q 'labels."io.cri-containerd.image"!=managed' | ours >"$tmp/unseen"
}

# Writes cri, "name pinned" of each name that CRI lists; empty without crictl.
ask_cri() {
  cri images --output json | awk '
    function flush() { for (; n; n--) print name[n], pinned }
    $1 == "\"id\":" { flush() }
    $1 == "\"pinned\":" { pinned = $2 ~ /^true/ }
    NF == 1 && /[:@]/ { gsub(/[",]/, "", $1); name[++n] = $1 }
    END { flush() }
  ' >"$tmp/cri"
}
