# --- prewarm: read files ahead, because a cloud may load a new disk from its snapshot only when something reads it ---

piece=1048576 # bytes; smaller files are read several at a time

choose_prewarm() {
  why_not=''
  case $mode in copy | import) why_not='containers do not run from the volume' ;; esac
  [ "$prewarm" = all ] || [ -n "$hot" ] || why_not='no container used these images at the capture'
  [ -z "$why_not" ] || { prewarm='' && log "prewarm: nothing to read, because $why_not"; }
}

# Starts when the volume is linked, because containers may start as soon as the layers are.
prewarm_later() {
  [ -n "$prewarm" ] || return 0
  set -- env "PRELOAD_PREWARM_RATE=$rate" sh "$here/restore.sh" "--prewarm-now=$prewarm"
  [ -z "$expect" ] || set -- "$@" --expect "$expect"
  in_background prewarm "$@"
  log "prewarm: reading files ahead in the background; the result will be in $run/prewarm.json"
}

prewarm() {
  echo "$$ $(started $$)" >"$tmp/owner"
  claim "$run/prewarm" || { message='another run is reading already' && log "prewarm: $message" && return; }
  workers=8 # because a cold disk answers each of them slowly
  [ "$rate" -ge "$workers" ] || workers=$rate
  true >"$tmp/read"
  [ -z "$hot" ] || read_ahead "$hot"
  [ "$prewarm" != all ] || while is_needed && read -r chain _; do
    list_layer "${chain#sha256:}" >"$tmp/files" && read_ahead "$tmp/files"
  done <"$layers"
  message=$(awk '{ files += $1; bytes += $2; skipped += $3 } END {
    printf "%d files with %d KiB read", files, bytes / 1024
    if (skipped) printf ", %d skipped, because they are missing or not regular files", skipped
  }' "$tmp/read")
  is_needed || message="$message; ended because nothing is linked to the volume"
  message="$message, $(since "$begin")"
  log "prewarm: $message"
}

# Whether this run goes on, and layers are linked to the volume.
is_needed() { [ -d "/proc/$$" ] && [ -L "$state/$set" ]; }

# Prints "layer bytes path" of the files of a layer. No file counts more bytes than it has on the disk.
list_layer() (
  cd -P "$here/layers/$1/fs" 2>/dev/null && [ "$PWD" = "$here/layers/$1/fs" ] || return
  # without names of several lines
  find . -xdev -type f -size +0 ! -path '*
*' -exec stat -c '%b %n' {} + 2>/dev/null |
    awk -v layer="$1" '{ path = substr($0, length($1) + 4); printf "%s %.0f %s\n", layer, $1 * 512, path }'
)

# Reads the files in a list, the first ones first. Large ones are divided, so that several readers share them.
read_ahead() {
  awk -v piece="$piece" '{
    path = substr($0, length($1 $2) + 3)
    for (n = 0; n * piece < $2; n++) print $1, n, ($2 - n * piece < piece ? $2 - n * piece : piece), path
  }' "$1" >"$tmp/pieces" || fail 4 "cannot write to $run"
  spread "$tmp/pieces" read_pieces >>"$tmp/read"
}

# The volume may be hostile: a path must not lead through a link, and only regular files are read, no further than listed.
read_pieces() {
  share=$((rate * 1048576 / 100 / workers)) # bytes in a hundredth of a second
  due=0 files=0 total=0 skipped=0 waiting=0
  set -- # small files
  while is_needed && IFS= read -r line; do
    layer=${line%% *} line=${line#* }
    number=${line%% *} line=${line#* }
    bytes=${line%% *} file=$here/layers/$layer/fs/${line#* }
    if ! { cd -P "${file%/*}" && [ "$PWD" = "${file%/*}" ] && [ -f "$file" ] && [ ! -L "$file" ]; } 2>/dev/null; then
      [ "$number" != 0 ] || skipped=$((skipped + 1))
      continue
    fi
    total=$((total + bytes))
    [ "$number" != 0 ] || files=$((files + 1))
    if [ "$number" = 0 ] && [ "$bytes" -lt "$piece" ]; then
      set -- "$@" "$file"
      waiting=$((waiting + bytes))
      if [ "$waiting" -ge "$piece" ] || [ $# -ge 32 ]; then
        read_small "$@"
        set --
        waiting=0
      fi
    else
      keep_pace "$bytes"
      dd if="$file" of=/dev/null bs="$piece" skip="$number" count=1 2>/dev/null
    fi
  done
  [ $# = 0 ] || read_small "$@"
  echo "$files $total $skipped"
}

read_small() {
  keep_pace "$waiting"
  head -q -c "$piece" "$@" >/dev/null 2>&1
}

# Waits until this reader may read $1 bytes. Time in which it did not read is not made up for.
keep_pace() {
  read -r up _ </proc/uptime
  while [ "$due" -gt "${up%.*}${up#*.}" ]; do pause && read -r up _ </proc/uptime; done
  due=$((${up%.*}${up#*.} + 1 + $1 / share))
}
