#!/bin/sh
# Prints all contents and metadata of the files below some folders: equal trees give equal output.
# Left out is what does not belong to the tree: the size of folders, the time of the outermost, the time of whiteouts
# (devices 0:0), which is when they were unpacked.
# usage: file-tree.sh FOLDER...
set -eu
export LC_ALL=C

for folder; do
  cd "$folder"
  echo 'type, mode, owner, size, links'
  find . -type d -printf '%p: %y %#m %U:%G\n' | sort
  find . ! -type d -printf '%p: %y %#m %U:%G %s %n -> %l\n' | sort
  echo 'device number, time of change'
  find . -mindepth 1 -exec stat --format '%n: %F %t:%T %.9Y' {} + |
    sed 's/\(: character special file 0:0\) .*/\1/' | sort
  echo 'content'
  find . -type f -exec sha256sum {} + | sort -k 2
  echo 'hard links, by what they are links of'
  find . ! -type d -links +1 -printf '%i %p\n' | sort |
    awk '{ path = substr($0, index($0, " ") + 1); if ($1 != inode) first = path; inode = $1; print path, "=", first }' | sort
  echo 'extended attributes'
  find . -print0 | sort -z | xargs -0 getfattr --no-dereference --dump --match=- --encoding=hex
done
