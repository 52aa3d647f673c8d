#!/bin/sh
# Gives the images of this volume to the node's containerd.
# Runs as root from the root of the mounted volume: after containerd has started, before kubelet does.
#
# usage: restore.sh [--mode auto|link|copy|import] [--settle] [--address SOCKET] [--ctr COMMAND] [--namespace NAME]
#                   [--wait SECONDS] [--no-pin] [--register-blobs] [--quiet]
#        restore.sh --check   says which images are not present, changes nothing
#        restore.sh --undo    takes the linked images out again, so that they can be pulled
#
# mode:  link    layers stay on the volume, which must stay mounted, also at boot; in about a second
#        copy    layers are copied to the node's disk, the volume can go afterwards
#        import  layers are unpacked from the volume's blobs, for any snapshotter; the volume can go afterwards
#        auto    link where the node and the volume allow it, else import; says why
# --settle          links, then goes on as --mode copy does in the background
# --register-blobs  lets containerd find the volume's layer blobs, for nodes that export or share images
#
# exit code:  0  every image is present; after --undo: nothing is linked any more
#             1  some images are not present; after --undo: some are still in use
#             2  wrong usage
#             3  the volume is unfinished, damaged or made for other nodes; nothing was touched
#             4  this node cannot do it, or containerd does not answer; nothing was removed
#
# The outcome also stands in /run/kubectl-preload/{restore,check,undo}.json.

set -uf
LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
GOMAXPROCS=1 # each of the many calls of ctr lasts milliseconds, and would spend some on threads it has no work for
export LC_ALL PATH GOMAXPROCS

state=/var/lib/kubectl-preload # SET in it links to the volume of that set, and every linked layer goes through SET
run=/run/kubectl-preload
workers=4
leftovers='^preload-(probe-[0-9]+-)?[0-9a-f]+$' # what a killed run has prepared and not committed
action=restore mode=auto wait=60 pin=pinned quiet='' settle='' register=''
address=${CONTAINERD_ADDRESS-} ctr='' namespace=''

main() {
  begin=$(now)
  start_result
  parse "$@"
  read_volume
  connect
  "$action"
}

restore() {
  choose_mode
  lock
  list_snapshots
  remove_snapshots "$leftovers"
  survey
  log "containerd $server ready after $waited, $(images <"$tmp/right") images and $(count "$tmp/have") layers already here"
  log "mode $mode: $why"
  keep_record
  case $mode in
    import) import_blobs ;;
    *) link_volume && link_layers && settle_sandbox && import_names ;;
  esac
  [ -z "$register" ] || [ "$mode" != link ] || register_blobs
  label_names
  [ "$mode" != copy ] || { wait_for_cri && settle_all; }
  release_volume
  judge wait_for_cri
  check_pins
  drop_broken
  unlock
  undo_lost_sets
  [ -z "$settle" ] || settle_later
  report
}

check() {
  list_snapshots
  survey
  judge find_unseen
  report
}

undo() {
  snapshotter=overlayfs CONTAINERD_SNAPSHOTTER=overlayfs # nothing else has links
  lock
  list_snapshots
  remove_snapshots "$leftovers"
  survey
  hand_over
  take_out
  forget
  log "undone: $(count "$tmp/mine") linked layers taken out in $(since "$begin")"
}
