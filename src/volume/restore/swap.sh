#!/bin/sh
# Puts a finished store in place of containerd's, or the old one back. systemd runs this before and after each start of
# containerd, so that whatever a kill or a power failure interrupted comes to an end before anything is listed. On the way
# there is no moment in which containerd would list images that cannot run: the metadata leaves first and comes last.
#
# usage: swap.sh before|after DEPOT
#
# In DEPOT, a folder in containerd's root, or a link to it:
#   new/      folders of the new store that are not in place
#   aside/    folders of the old store
#   staged    checksum of the old metadata when nothing in the old store could be lost; '-' if there was none
#   back      the new store is not wanted
#   tried     containerd was about to start with the new store
#   answered  and it did
#   gone      why the new store is not in place

set -u
LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
moment=$1 depot=$(readlink "$2" || echo "$2") root=${depot%/*}
metadata=io.containerd.metadata.v1.bolt snapshots=io.containerd.snapshotter.v1.overlayfs content=io.containerd.content.v1.content

before() {
  if [ -e "$depot/back" ]; then
    put_back 'restore.sh asks for the old store'
  elif [ -e "$depot/tried" ] && [ ! -e "$depot/answered" ]; then
    put_back 'containerd did not start with the new store'
  elif [ ! -e "$depot/tried" ]; then
    if has_begun || is_unchanged; then
      { put_in_place && true >"$depot/tried" && save; } || put_back 'the folders of containerd cannot be renamed'
    else
      give_up 'the store of containerd has changed since it was checked'
    fi
  fi
}

# Without sync, for which containerd's start would wait: if a power failure undoes this, the old store comes back.
after() { [ ! -e "$depot/tried" ] || true >"$depot/answered"; }

in_place() { [ ! -e "$depot/new/$1" ]; }

has_begun() { [ -e "$depot/aside/$metadata" ] || in_place "$metadata"; }

# Whether the old store is the one that was checked, and no process uses it.
is_unchanged() {
  read -r checked <"$depot/staged"
  database=$root/$metadata/meta.db
  [ -e "$database" ] || { [ "$checked" = - ] && return; }
  [ "$(cksum <"$database")" = "$checked" ] || return
  ! command -v flock >/dev/null || flock -n "$database" true
}

put_in_place() {
  for part in "$metadata" "$snapshots" "$content"; do
    in_place "$part" || [ -e "$depot/aside/$part" ] || [ ! -e "$root/$part" ] || mv "$root/$part" "$depot/aside/" || return
  done
  for part in "$content" "$snapshots" "$metadata"; do
    # a containerd that systemd did not start has made it
    in_place "$part" || { [ ! -e "$root/$part" ] && mv "$depot/new/$part" "$root/"; } || return
  done
  [ ! -e /sys/fs/selinux/enforce ] || restorecon -RF "$root/$metadata" "$root/$snapshots" "$root/$content" || :
}

put_back() {
  for part in "$metadata" "$snapshots" "$content"; do
    ! in_place "$part" || mv "$root/$part" "$depot/new/"
  done
  for part in "$content" "$snapshots" "$metadata"; do
    [ ! -e "$depot/aside/$part" ] || [ -e "$root/$part" ] || mv "$depot/aside/$part" "$root/"
  done
  give_up "$1"
}

give_up() {
  echo "$1" >"$depot/gone"
  rm -f "$depot/staged"
  save
  echo "kubectl preload: not using the store on the volume: $1" >&2
}

save() { sync -f "$depot" 2>/dev/null || sync; }

[ ! -e "$depot/staged" ] || "$moment" || : # whichever store is there now, containerd can start with it
