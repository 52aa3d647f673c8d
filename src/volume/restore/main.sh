#!/bin/sh
# Makes the images on this volume available to the node's containerd.
# Run it as root from the mounted volume, after containerd has started and before the kubelet starts.
#
# usage: restore.sh [--mode auto|store|link|copy|import] [--settle] [--address SOCKET] [--ctr COMMAND] [--namespace NAME]
#                   [--wait SECONDS] [--expect DIGEST] [--no-pin] [--register-blobs] [--label] [--prewarm[=hot|all]] [--quiet]
#        restore.sh --check   reports which images are missing, changes nothing
#        restore.sh --undo    removes the linked images, so that they can be pulled again
#        restore.sh --install    writes units of systemd that mount the volume and run restore.sh with the same options at
#                                each boot, after containerd; the kubelet starts only if that succeeds
#        restore.sh --uninstall  the same as --undo, and removes these units
#        restore.sh --before-containerd    for units that run before containerd: mode store, at its next start
#
# mode:  store   containerd starts with a finished store in which all images are, and layers stay on the volume as with link;
#                takes about half a second for 60 images of any size. Restarts containerd, and only if systemd runs it
#                and nothing on the node would be lost
#        link    layers stay on the volume, which must stay mounted, also after a reboot; takes seconds, whatever the image size
#        copy    layers are copied to the node's disk; the volume can be detached afterwards
#        import  layers are unpacked from the volume's blobs, for any snapshotter; the volume can be detached afterwards
#        auto    store if possible, else link, else import; logs the reason
# --settle          links, then copies in the background like --mode copy
# --expect          refuses a volume whose preload.json has another digest (sha256:HEX)
# --register-blobs  adds the volume's layer blobs to containerd, for nodes that export or share images
# --label           the kubelet registers the node with the label preload/set=SET; needs --install
# --prewarm         reads, in the background, what running containers used on the node of the capture (hot, the default), or
#                   all layers, for disks that a cloud loads only when something reads them
# --prewarm-now     only reads them, and ends when that is done
#
# exit code:  0  every image is present; after --undo: no layer is linked to the volume; after --install: the units are there
#             1  some images are missing, or --mode copy left some linked; after --undo: some are still in use
#             2  wrong usage
#             3  the volume is unfinished, damaged, not the expected one or made for other nodes; nothing was changed
#             4  this node does not support it or has no space, containerd does not answer, or another restore.sh does
#                not end; nothing was removed
#
# environment, seconds:
#   PRELOAD_CALL_LIMIT       for a call of ctr (60)
#   PRELOAD_LONG_CALL_LIMIT  for one that reads, writes or removes the content of images (600)
#   PRELOAD_LOCK_LIMIT       for waiting until another restore.sh ends (600)
# in MiB:
#   PRELOAD_PREWARM_RATE     what --prewarm reads in a second at most (100)
#
# The result is also written to /run/kubectl-preload/{restore,check,undo,install,uninstall,before_containerd,prewarm}.json.

set -uf
LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
GOMAXPROCS=1 GOGC=400 # ctr runs many times for a few milliseconds; threads and garbage collection would slow each call down
export LC_ALL PATH GOMAXPROCS GOGC

# Variables are global. These serve several parts, besides what follows below:
#   here           folder of the volume                                        volume
#   layers, names  lists in its restore/                                       volume
#   blobs          list of its blobs, '' if it has none                        volume
#   hot            list of files to read ahead, '' if not asked for or none    volume
#   platform, set  platform and ID of its contents                             volume
#   record         copy of its lists and of restore.sh, on the node            volume
#   linked         what linked layers point to: layers/ in SET                 volume
#   service        unit that restores this set at each boot, if installed      volume
#   digest_of_contents  that of preload.json                                   volume
#   fields         its preload.json, a line per key                            volume
#   all_layers, all_names, all_images  how many the volume has                 volume
#   stacked        how many layers of the pause image are on others            volume
#   missing_part   first layer or blob that the volume does not have           volume
#   client         version of ctr                                              containerd
#   server         version of containerd                                       containerd, before
#   connected      yes if containerd itself has answered                       containerd, report
#   server_id      UUID of containerd                                          containerd
#   waited         how long containerd took to answer                          containerd
#   cri_uses       snapshotter of the CRI plugin, '' if it has not said        containerd
#   snapshotter    the same, or what is assumed                                containerd
#   asked          mode that the caller asked for                              mode, before
#   why            reason for the mode, or why it is not possible              mode, can-store, before
#   fault          exit code if no mode is possible                            mode, can-store, before
#   process        folder in /proc of the containerd that systemd runs         can-store
#   root           root of a containerd that may start with the seed           can-store, before
#   depot          folder in it for the swap of stores                         can-store
#   seen           yes if root has been looked for                             depot, report
#   checked        checksum of the store that would not be missed              store, before
#   no_copy        reason why layers cannot be copied                          mode
#   asking, trying  processes that find out things meanwhile                   depot, mode, report
#   swapping       yes if the drop-in for the swap of stores is there          depot, report
#   hashing, unpacking  processes that prepare it meanwhile                    depot, store, report
#   finding        process that lists the layers meanwhile                     volume, report
#   begin          when this run began                                         main
#   message        last line of this run, for its result file                  main, report
#   claimed        file that only one run can have                             lock
#   worker         number of the worker that a function runs in, or main       main, lists
#   tmp            folder of this run, in $run                                 report
# These files in $tmp serve several parts, each file one line per item; all others serve only the part that writes them:
#   snapshots  what `ctr snapshots ls` lists             survey, losses, undo -> survey, losses, store, before, undo
#   have       chain IDs of layers on the node           survey -> main, link
#   plugins    what `ctr plugins ls` lists, if needed    containerd, before -> containerd, losses
#   losses     what the node has and the volume has not  losses -> store, before
#   dirs       chain ID and directory of these layers    survey, link, depot -> link, import, blobs, presence
#   known      names on the node                         survey -> import
#   right      known names with the right digest         survey, presence -> main, import, presence
#   cri        name of each image in CRI, if pinned      cri -> presence, labels
#   unseen     names that CRI does not have yet          cri -> presence
#   missing    names the kubelet cannot use, and why     presence -> import, report
#   expired    why no more calls are made                patience -> report
#   mine       layers that only this set links to        undo -> main

state=/var/lib/kubectl-preload # contains a link SET to the volume of each set; linked layers point to SET
run=/run/kubectl-preload
workers=4 worker=main
reserve=10 # percent of containerd's disk that copies leave free
leftovers='^preload-(probe-[0-9]+-)?[0-9a-f]+$' # snapshots that a killed run prepared but did not commit
action=restore mode=auto wait=60 pin=pinned quiet='' settle='' register='' node_label='' prewarm=''
address=${CONTAINERD_ADDRESS-} ctr='' namespace='' expect=''
call_limit=${PRELOAD_CALL_LIMIT:-60} long_call_limit=${PRELOAD_LONG_CALL_LIMIT:-600} lock_limit=${PRELOAD_LOCK_LIMIT:-600}
rate=${PRELOAD_PREWARM_RATE:-100}
units=/etc/systemd/system boot_units=/run/systemd/system # the latter until the next boot

main() {
  begin=$(now)
  start_result
  parse "$@"
  (watch_calls &) # in a subshell, because it is not waited for
  open_volume
  [ "$action" != restore ] || begin_to_swap
  case $action in restore | install | before_containerd) begin_to_find_layers ;; esac
  check_contents
  check_volume
  check_node
  case $action in restore | install | before_containerd) try_copy ;; esac
  case $action in
    install | before_containerd | prewarm) ;;
    *)
      find_client
      [ -z "$swapping" ] || begin_to_unpack
      told_by_program || connect
      ;;
  esac
  "$action"
}

restore() {
  choose_mode
  [ -z "$prewarm" ] || choose_prewarm
  lock
  [ -n "$unpacking" ] || end_swap
  [ "$mode" = store ] || { drop_preparations; connect; }
  collect_unrooted || fail 4 'cannot finish an earlier --undo; nothing was removed'
  [ "$mode" != store ] || use_store
  [ "$mode" = store ] || add_images
  [ -z "$register" ] || register_blobs
  check_pins
  unlock
  undo_unmounted_sets
  [ -z "$settle" ] || settle_later
  report
  [ -z "$node_label" ] || label_node
  [ -L "$state/$set" ] || disable_service "$set" # the node no longer needs the volume
}

add_images() {
  [ "$mode" = import ] || check_archives
  list_snapshots
  remove_leftovers
  survey
  log "containerd $server ready after $waited, $(images <"$tmp/right") images and $(count "$tmp/have") layers already here"
  log "mode $mode: $why"
  [ "$mode" = import ] || check_selinux
  keep_record
  case $mode in
    import) import_blobs ;;
    *) link_volume && link_layers && settle_sandbox && import_names ;;
  esac
  label_names
  [ "$mode" != copy ] || { wait_for_cri && settle_all; }
  need_answers
  release_volume
  find_missing wait_for_cri
  drop_broken
}

check() {
  list_snapshots
  survey
  find_missing find_unseen
  report
}

undo() {
  snapshotter=overlayfs CONTAINERD_SNAPSHOTTER=overlayfs # only overlayfs has links
  lock
  end_swap
  list_snapshots
  remove_leftovers
  survey
  relink_shared
  remove_linked
  forget
  message="$(count "$tmp/mine") linked layers removed in $(since "$begin")"
  log "undo: $message"
}
