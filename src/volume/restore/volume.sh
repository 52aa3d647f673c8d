# --- the volume: check everything before using anything ---

open_volume() {
  case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
  here=$(cd "$here/" && pwd -P) || fail 3 "cannot open the folder of $0"
  case $here in *[!A-Za-z0-9._/~-]*) fail 3 "the volume's path has unsupported characters; mount it elsewhere" ;; esac
  layers=$here/restore/layers names=$here/restore/names blobs='' hot=''

  { [ -f "$here/preload.json" ] && [ ! -L "$here/preload.json" ]; } ||
    refuse "preload.json is missing: the capture did not finish, or this is not the mounted volume"
  fields=$(read_fields)
}

check_contents() {
  found=$(sha256sum <"$here/preload.json")
  digest_of_contents=sha256:${found%% *}
  [ "${expect:-$digest_of_contents}" = "$digest_of_contents" ] ||
    refuse "its preload.json has the digest $digest_of_contents, not the expected $expect: it has set $(show set), made $(show created)"
  field complete
  [ "$value" = true ] || refuse "preload.json is truncated"
  field format
  [ "$value" = 1 ] || refuse "its format is $value; this restore.sh supports format 1"
  field platform
  platform=$value
  [ "${platform%/v[0-9]}" = "$(node_platform)" ] || refuse "it was made for $platform; this node is $(node_platform)"
  field otherPlatforms
  for other in $value; do
    case ${other#linux/} in "$other" | '' | /* | *[!a-z0-9/]*) refuse "preload.json has an invalid platform" ;; esac
  done
  field snapshotter
  [ "$value" = overlayfs ] || refuse "its layers are for snapshotter $value"
}

check_volume() {
  set -- restore/layers restore/names
  sum restore/blobs
  [ -z "$value" ] || { blobs=$here/restore/blobs && set -- "$@" restore/blobs; }
  sum restore/hot
  { [ -z "$prewarm" ] || [ -z "$value" ]; } || { hot=$here/restore/hot && set -- "$@" restore/hot; }
  check_sums "$@"
  found=$(cat "$layers" "$names" | sha256sum)
  set=${found%"${found#????????????}"}
  field set
  [ "$value" = "$set" ] || refuse "preload.json does not match the lists in restore/"
  record=$state/record/$set linked=$state/$set/layers service=kubectl-preload-$set.service
  check_lists
  [ -z "$hot" ] || check_hot
  field created
  created=$value
  field version
  log "format 1, $all_images images, $all_layers layers, $platform," \
    "made ${created%%T*} by kubectl-preload $value, set $set, $digest_of_contents"
}

# Sets value to that of a top-level key of preload.json; to nothing if it has unsupported characters. Prints nothing, because
# each $(…) is a process.
field() {
  value=${fields#*"
$1 "}
  if [ "$value" = "$fields" ]; then value=''; else value=${value%%"
"*}; fi
}

show() { field "$1" && echo "$value"; }

# Sets value to the checksum of a path in preload.json.
sum() { field "sum:$1"; }

# Prints "key value" of all keys at once, because each process takes a millisecond; first an empty line.
read_fields() {
  echo
  sed -n '
    s|^  "\([A-Za-z]*\)": "\{0,1\}\([A-Za-z0-9:/._+ -]*\)"\{0,1\},\{0,1\}$|\1 \2|p
    t
    s|^  "\([A-Za-z]*\)": .*|\1 |p
    s|^    "\([A-Za-z0-9/._-]*\)": "sha256:\([0-9a-f]*\)",\{0,1\}$|sum:\1 \2|p
  ' "$here/preload.json"
}

node_platform() {
  case $(uname -m) in
    x86_64) echo linux/amd64 ;;
    aarch64) echo linux/arm64 ;;
    arm*) echo linux/arm ;;
    *) echo "linux/$(uname -m)" ;;
  esac
}

# Prints "platform archive" of each archive of documents: that of the volume, and those of others that its nodes run.
archives() {
  echo "$platform restore/images.tar"
  for other in $(show otherPlatforms); do echo "$other restore/images-$(echo "${other#linux/}" | tr / -).tar"; done
}

# Whether a file in restore/ is a regular one, to which no link leads.
is_regular() { [ -f "$here/$1" ] && [ ! -L "$here/$1" ] && [ ! -L "$here/restore" ]; }

check_sums() {
  for file in "$@"; do
    is_regular "$file" || refuse "$file is missing or not a regular file"
  done
  found="
$(cd "$here" && sha256sum "$@")
"
  for file in "$@"; do
    sum "$file"
    case $found in *"
$value  $file
"*) ;; *) refuse "$file does not match its checksum in preload.json" ;; esac
  done
}

check_archives() {
  # shellcheck disable=SC2046 # words without spaces
  check_sums $(archives | sed 's/.* //')
}

# Strict, because entries become paths and arguments.
check_lists() {
  verdict=$(awk '
    function digest(text) { return length(text) == 71 && text ~ /^sha256:[0-9a-f]+$/ }
    function reference(text) {
      sub(/^\[[0-9A-Fa-f:]+\]/, "host", text)
      return text ~ /^[A-Za-z0-9][A-Za-z0-9._:\/@+-]*$/ && length(text) < 512
    }
    function layer() {
      return $0 == $1 " " $2 " " $3 " " $4 && digest($1) && !($1 in depth) && $3 ~ /^[1-9][0-9]*$/ &&
        ($2 == "-" ? $3 == 1 : ($2 in depth) && $3 == depth[$2] + 1) && $4 ~ /^(link|copy)$/
    }
    function name() {
      return $0 == $1 " " $2 " " $3 && reference($1) && !($1 in known) && digest($2) && ($3 == "-" || $3 in depth)
    }
    function blob() { return $0 == $1 " " $2 " " $3 && ($1 in target) && digest($2) && $3 ~ /^(-|[0-9]+)$/ }
    FILENAME == ARGV[1] { if (!layer()) { wrong = "layers, line " FNR; exit } depth[$1] = $3; layers++; stacked += $4 == "copy" && $2 != "-"; next }
    FILENAME == ARGV[2] { if (!name()) { wrong = "names, line " FNR; exit } known[$1]; images += !($2 in target); target[$2]; n++; next }
    n && !blob() { wrong = "blobs, line " FNR; exit }
    END { print wrong != "" ? wrong " is invalid" : n ? "ok " layers + 0 " " n " " images " " stacked + 0 : "names is empty" }
  ' "$layers" "$names" ${blobs:+"$blobs"})
  case $verdict in ok\ *) ;; *) refuse "restore/$verdict" ;; esac
  read -r _ all_layers all_names all_images stacked <<END
$verdict
END
}

# Bounded, because all of it will be read.
check_hot() {
  [ "$(wc -c <"$hot")" -lt 25000000 ] || refuse "restore/hot is too large"
  verdict=$(awk '
    FILENAME == ARGV[1] { layer[substr($1, 8)]; next }
    { path = substr($0, length($1 $2) + 3); bytes += $2 }
    FNR > 20000 || bytes > 2147483648 || !($1 in layer) || $2 !~ /^[1-9][0-9]*$/ || length($2) > 10 ||
      index($0, $1 " " $2 " ") != 1 || path == "" || length(path) > 1000 || path ~ /[\001-\037\177]/ ||
      "/" path "/" ~ /\/\.?\.?\// { print "line " FNR " is invalid"; exit }
  ' "$layers" "$hot")
  [ -z "$verdict" ] || refuse "restore/hot, $verdict"
}

# Begins to list the layers, because a disk takes longest for what it reads the first time.
begin_to_find_layers() {
  [ -d "$tmp" ] || return 0
  find "$here/layers" -mindepth 2 -maxdepth 2 -name fs -type d >"$tmp/folders" 2>/dev/null &
  finding=$!
}

# Sets missing_part to the first layer that is missing; empty if none is.
find_layers() {
  [ ! -L "$here/layers" ] || refuse "layers/ is a symbolic link"
  [ -z "$finding" ] || wait "$finding"
  finding=''
  missing_part=$(awk -F / '
    FILENAME == ARGV[1] { found["sha256:" $(NF - 1)]; next }
    { sub(/ .*/, "") }
    !($0 in found) { print; exit }' "$tmp/folders" "$layers")
  folder=$here/layers/${missing_part#sha256:}
  [ -z "$missing_part" ] || { [ ! -L "$folder" ] && [ ! -L "$folder/fs" ]; } || refuse "layer $missing_part is a symbolic link"
}

# Sets missing_part to the first blob that is missing; empty if none is.
find_blobs() {
  missing_part=''
  { [ ! -L "$here/blobs" ] && [ ! -L "$here/blobs/sha256" ]; } || refuse "blobs/ is a symbolic link"
  while [ -z "$missing_part" ] && read -r _ digest _; do
    file=$here/blobs/sha256/${digest#sha256:}
    [ ! -L "$file" ] || refuse "blob $digest is a symbolic link"
    [ -f "$file" ] || missing_part=$digest
  done <"$blobs"
}
