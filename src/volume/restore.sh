#!/bin/sh
# Gives the images of this volume to the node's containerd, without copying them.
# Runs as root from the root of the mounted volume: after containerd has started, before kubelet does.
#
# usage: restore.sh [--mode auto|link] [--address SOCKET] [--ctr PATH] [--namespace NAME]
#                   [--wait SECONDS] [--no-pin] [--quiet]
#        restore.sh --check   says which images are not present, changes nothing
#        restore.sh --undo    takes the linked images out again, so that they can be pulled
#
# exit code:  0  every image is present; after --undo: nothing is linked any more
#             1  some images are not present; after --undo: some are still in use
#             2  wrong usage
#             3  the volume is unfinished, damaged or made for other nodes; nothing was touched
#             4  containerd does not answer or cannot use links; nothing was touched

set -uf
LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH

state=/var/lib/kubectl-preload # SET in it links to the volume of that set, and every linked layer goes through SET
drop_in=/etc/systemd/system/containerd.service.d/kubectl-preload.conf
workers=4
leftovers='^preload-(probe-[0-9]+-)?[0-9a-f]+$' # what a killed run has prepared and not committed
action=restore mode=auto wait=60 pin=pinned quiet=''
address=${CONTAINERD_ADDRESS:-/run/containerd/containerd.sock} ctr=ctr namespace=k8s.io

main() {
  begin=$(now)
  parse "$@"
  read_volume
  [ "$action" != restore ] || check_layers
  connect
  "$action"
}

restore() {
  lock
  remove_snapshots "$leftovers"
  survey
  log "containerd $server ready after $waited, $(images <"$tmp/right") images and $(count "$tmp/have") layers already here"
  prepare_node
  link_layers
  import_names
  label_names
  wait_for_cri
  judge
  drop_broken
  report
}

check() {
  survey
  judge
  report
}

undo() {
  lock
  remove_snapshots "$leftovers"
  survey
  hand_over
  take_out
  forget
  log "undone: $(count "$tmp/mine") linked layers taken out in $(since "$begin")"
}

# --- words, numbers, lists ---

log() { [ -n "$quiet" ] || printf 'preload: %s\n' "$*" >&2; }
fail() { code=$1 && shift && printf 'preload: error: %s\n' "$*" >&2 && exit "$code"; }
refuse() { fail 3 "volume $here refused: $*"; }
count() { awk 'END { print NR }' "$1"; }
now() { read -r up _ </proc/uptime && echo "${up%.*}${up#*.}"; }
since() { spent=$(($(now) - $1)) && echo "$((spent / 100)).$((spent % 100 / 10))s"; }
late() { [ $(($(now) - $1)) -ge $((wait * 100)) ]; }
pause() { sleep 0.1 2>/dev/null || sleep 1; }

# "name digest chain" of those names on standard input that the volume has.
ours() { awk 'FILENAME == ARGV[1] { ours[$1] = $0; next } $1 in ours { print ours[$1] }' "$names" -; }

# Number of distinct images among the names on standard input.
images() { awk 'FILENAME == ARGV[1] { digest[$1] = $2; next } !seen[digest[$1]]++ { n++ } END { print n + 0 }' "$names" -; }

# Runs a function in several workers, each with a slice of the file on its standard input.
spread() {
  file=$1 && shift
  awk -v slice="$tmp/slice." -v workers="$workers" '
    BEGIN { for (i = 0; i < workers; i++) printf "" >(slice i) } { print >(slice (NR % workers)) }' "$file"
  worker=0
  while [ "$worker" -lt "$workers" ]; do
    [ ! -s "$tmp/slice.$worker" ] || "$@" <"$tmp/slice.$worker" &
    worker=$((worker + 1))
  done
  wait
}

# --- the command line ---

parse() {
  while [ $# -gt 0 ]; do
    case $1 in
      --mode | --address | --ctr | --namespace | --wait) [ -n "${2-}" ] || fail 2 "$1 needs a value" ;;
    esac
    case $1 in
      --mode) mode=$2 && shift ;;
      --address) address=$2 && shift ;;
      --ctr) ctr=$2 && shift ;;
      --namespace) namespace=$2 && shift ;;
      --wait) wait=$2 && shift ;;
      --no-pin) pin='' ;;
      --check) action=check ;;
      --undo) action=undo ;;
      --quiet) quiet=yes ;;
      -h | --help) sed -n '/^# usage/,/^$/s/^# \{0,1\}//p' "$0" && exit 0 ;;
      *) fail 2 "unknown option $1, see restore.sh --help" ;;
    esac
    shift
  done
  case $mode in auto | link) mode='link' ;; *) fail 2 "mode $mode is none of auto, link" ;; esac
  case $wait in *[!0-9]*) fail 2 "--wait $wait is not a number of seconds" ;; esac
}

# --- the volume: all of it is checked before any of it is used ---

read_volume() {
  case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
  here=$(cd "$here/" && pwd -P) || fail 3 "cannot enter the folder of $0"
  case $here in *[!A-Za-z0-9._/-]*) fail 3 "the volume's path has unusual letters, mount it elsewhere" ;; esac
  layers=$here/restore/layers names=$here/restore/names

  [ -f "$here/preload.json" ] || refuse "it has no preload.json, so its export did not finish"
  [ "$(field complete)" = true ] || refuse "preload.json is cut off"
  [ "$(field format)" = 1 ] || refuse "its format is $(field format), this restore.sh knows format 1"
  set=$(field set) platform=$(field platform)
  case ${#set}$set in 12*[!0-9a-f]*) set='' ;; 12*) ;; *) set='' ;; esac
  [ -n "$set" ] || refuse "preload.json names no set"
  linked=$state/$set/layers record=$state/record/$set
  [ "${platform%/v[0-9]}" = "$(node_platform)" ] || refuse "it was made for $platform, this node is $(node_platform)"
  [ "$(field snapshotter)" = overlayfs ] || refuse "its layers are for the snapshotter $(field snapshotter)"

  check_sum restore/layers
  check_sum restore/names
  check_lists
  [ "$action" != restore ] || check_sum restore/images.tar
  log "format 1, $(images <"$names") images, $(count "$layers") layers, $platform," \
    "made $(field created | sed 's/T.*//') by kubectl-preload $(field version)"
}

# Value of a top-level key of preload.json, nothing if it has unusual letters.
field() { sed -n "/^  \"$1\": /{s|^[^:]*: \"\{0,1\}\([A-Za-z0-9:/.+-]*\)\"\{0,1\},\{0,1\}\$|\1|p;q;}" "$here/preload.json"; }

node_platform() {
  case $(uname -m) in
    x86_64) echo linux/amd64 ;;
    aarch64) echo linux/arm64 ;;
    arm*) echo linux/arm ;;
    *) echo "linux/$(uname -m)" ;;
  esac
}

check_sum() {
  { [ -f "$here/$1" ] && [ ! -L "$here/$1" ] && [ ! -L "$here/restore" ]; } || refuse "$1 is missing"
  wanted=$(sed -n "s|^    \"$1\": \"sha256:\([0-9a-f]*\)\",\{0,1\}\$|\1|p" "$here/preload.json")
  found=$(sha256sum <"$here/$1")
  [ "${found%% *}" = "$wanted" ] || refuse "$1 does not have the checksum that preload.json gives"
}

# Strict, for what stands in the lists becomes paths and arguments.
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
    FILENAME == ARGV[1] { if (!layer()) { wrong = "layers, line " FNR; exit } depth[$1] = $3; next }
    { if (!name()) { wrong = "names, line " FNR; exit } known[$1]; n++ }
    END { print wrong != "" ? wrong : n ? "ok" : "names, no line" }
  ' "$layers" "$names")
  [ "$verdict" = ok ] || refuse "restore/$verdict: not of the expected form"
}

check_layers() {
  [ ! -L "$here/layers" ] || refuse "layers is a link"
  while read -r chain _; do
    folder=$here/layers/${chain#sha256:}
    { [ -d "$folder/fs" ] && [ ! -L "$folder/fs" ] && [ ! -L "$folder" ]; } || refuse "layer $chain is missing"
  done <"$layers"
}

# --- the node as it is ---

connect() {
  [ "$(id -u)" = 0 ] || fail 4 "restore.sh must run as root"
  ctr=$(command -v "$ctr") || fail 4 "no ctr found, name it with --ctr"
  tmp=$(mktemp -d /run/kubectl-preload.XXXXXX) || fail 4 "cannot write to /run"
  trap 'rm -rf "$tmp"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  export CONTAINERD_ADDRESS="$address" CONTAINERD_NAMESPACE="$namespace" CONTAINERD_SNAPSHOTTER=overlayfs
  export CONTAINERD_SUPPRESS_DEPRECATION_WARNINGS=true

  start=$(now)
  until [ -S "$address" ] && "$ctr" --connect-timeout 2s --timeout 5s version >"$tmp/version" 2>/dev/null; do
    ! late "$start" || fail 4 "no containerd answered at $address within $wait s"
    pause
  done
  waited=$(since "$start")
  client=$(sed -n '/^Client/,/^Server/s/^ *Version: *v\{0,1\}\([0-9.]*\).*/\1/p' "$tmp/version")
  server=$(sed -n '/^Server/,$s/^ *Version: *v\{0,1\}\([0-9.]*\).*/\1/p' "$tmp/version")
  "$ctr" plugins ls >"$tmp/plugins" || fail 4 "containerd at $address does not list its plugins"
  plugin_ok io.containerd.snapshotter.v1 overlayfs || fail 4 "containerd has no working overlayfs snapshotter"
}

plugin_ok() { awk -v type="$1" -v id="$2" '$1 == type && $2 == id && $NF == "ok" { ok = 1 } END { exit !ok }' "$tmp/plugins"; }

# The workers hold it too, so a run that was killed is over only when they are.
lock() {
  command -v flock >/dev/null || return 0
  exec 9>/run/kubectl-preload.lock
  flock -n 9 && return
  log "another restore.sh is at work here, waiting for it"
  flock 9
}

remove_snapshots() {
  keys=$("$ctr" snapshots ls | awk -v pattern="$1" '$1 ~ pattern { print $1 }')
  # shellcheck disable=SC2086 # words without blanks, here and below
  [ -z "$keys" ] || "$ctr" snapshots rm $keys
}

# In $tmp: have, the layers that are there; known, the names that are there; right, those of them with the right digest.
survey() {
  "$ctr" snapshots ls >"$tmp/snapshots" || fail 4 "containerd does not list its snapshots"
  awk 'FILENAME == ARGV[1] { ours[$1]; next } $1 in ours && $NF == "Committed" { print $1 }' \
    "$layers" "$tmp/snapshots" >"$tmp/have"
  locate
  "$ctr" images ls -q | ours >"$tmp/known"
  spread "$tmp/known" right_names >"$tmp/right"
}

# dirs, "chain directory" of what is there. A snapshot prepared on the top of a chain shows the directories of all of it;
# where the volume of a link is away, the error shows that of the top alone.
locate() {
  cp "$tmp/have" "$tmp/lost"
  while [ -s "$tmp/lost" ]; do
    awk 'FILENAME == ARGV[1] { lost[$1]; next } $1 in lost { top[$1]; delete top[$2] } END { for (chain in top) print chain }' \
      "$tmp/lost" "$layers" >"$tmp/tops"
    spread "$tmp/tops" probe >"$tmp/chains"
    [ -s "$tmp/chains" ] || break
    awk -v rest="$tmp/lost" '
      FILENAME == ARGV[1] { lost[$1]; next }
      FILENAME == ARGV[2] { parent[$1] = $2; next }
      { n = split($2, dir, ":"); chain = $1
        for (i = 1; i <= n; i++) { if (chain in lost) print chain, dir[i]; delete lost[chain]; chain = parent[chain] } }
      END { printf "" >rest; for (chain in lost) print chain >rest }
    ' "$tmp/lost" "$layers" "$tmp/chains"
  done >"$tmp/dirs"
  remove_snapshots "^preload-probe-$$-"
}

probe() {
  while read -r chain; do
    mounts=$("$ctr" snapshots prepare --target /x "preload-probe-$$-${chain#sha256:}" "$chain" 2>&1)
    case $mounts in
      *lowerdir=*) mounts=${mounts##*lowerdir=} && echo "$chain ${mounts%%[ ,]*}" ;;
      *" stat /"*) mounts=${mounts##* stat } && echo "$chain ${mounts%%: *}" ;;
    esac
  done
}

right_names() {
  filters=$(awk '{ printf "name==\"%s\",target.digest==\"%s\"\n", $1, $2 }')
  # shellcheck disable=SC2086
  "$ctr" images ls -q $filters
}

# "chain directory target" of the layers that are links.
links() {
  # shellcheck disable=SC2046,SC2012
  ls -ld $(sed 's/.* //' "$tmp/dirs") 2>/dev/null | sed -n 's|.* \(/[^ ]*\) -> \([^ ]*\)$|\1 \2|p' |
    awk 'FILENAME == ARGV[1] { chain[$2] = $1; next } $1 in chain { print chain[$1], $1, $2 }' "$tmp/dirs" -
}

# --- restore ---

# First what a rerun or --undo needs to find its way, then SET, then the links of layers that lead to other sets.
prepare_node() {
  { mkdir -p "$record/restore" "$state/new" && cp -f "$layers" "$names" "$record/restore/" &&
    cp -f "$here/restore.sh" "$here/preload.json" "$record/" &&
    ln -sfn "$here" "$state/new/$set" && mv -f "$state/new/$set" "$state/"; } || fail 4 "cannot write to $state"
  guard_boot
  links | while read -r chain dir target; do
    [ "$target" = "$linked/${chain#sha256:}/fs" ] || ln -sfn "$linked/${chain#sha256:}/fs" "$dir"
  done
}

# Without its volume containerd shall not start: the images would be listed, but dead.
guard_boot() {
  [ -d /run/systemd/system ] || return 0
  mkdir -p "${drop_in%/*}" || fail 4 "cannot write $drop_in"
  cat >"$drop_in" <<END
[Unit]
RequiresMountsFor=$here
[Service]
ExecStartPre=/bin/sh -c 'test -f $state/$set/preload.json'
END
  systemctl daemon-reload 2>/dev/null || log "systemctl daemon-reload failed: $drop_in counts from the next boot on"
}

# Depth by depth, as a chain can only be built in order.
link_layers() {
  start=$(now)
  awk -v todo="$tmp/todo" 'FILENAME == ARGV[1] { have[$1]; next } !($1 in have) { print >todo; print >(todo "." $3) }' \
    "$tmp/have" "$layers"
  [ -f "$tmp/todo" ] || return 0
  depths=$(awk '{ print $3 }' "$tmp/todo" | sort -nu)
  for depth in $depths; do
    spread "$tmp/todo.$depth" add_layers
  done >"$tmp/added" 2>"$tmp/errors"
  cat "$tmp/added" >>"$tmp/dirs"
  log "link: $(count "$tmp/added") of $(count "$tmp/todo") layers in $(since "$start")"
  [ ! -s "$tmp/errors" ] || log "link: $(sed q "$tmp/errors")"
}

add_layers() {
  while read -r chain parent _ how; do
    key=preload-${chain#sha256:}
    [ "$parent" != - ] || parent=
    mounts=$("$ctr" snapshots prepare --target /x "$key" ${parent:+"$parent"}) || continue
    case $mounts in *upperdir=*) dir=${mounts##*upperdir=} ;; *) dir=${mounts#mount -t bind } ;; esac
    dir=${dir%%[ ,]*}
    fill && "$ctr" snapshots commit "$chain" "$key" && echo "$chain $dir"
  done
}

fill() {
  case $dir in /*/snapshots/[0-9]*/fs) ;; *) echo "no directory in: $mounts" >&2 && return 1 ;; esac
  case $how in
    link) rmdir "$dir" && ln -s "$linked/${chain#sha256:}/fs" "$dir" ;;
    copy) cp -a "$here/layers/${chain#sha256:}/fs/." "$dir" ;;
  esac
}

# Without unpacking, which the layers do not need, and for one platform, as the manifests of others may be missing.
import_names() {
  awk 'FILENAME == ARGV[1] { right[$1]; next } !($1 in right)' "$tmp/right" "$tmp/known" | while read -r name _; do
    log "$name was another image here, the volume's takes its place"
  done
  [ "$(count "$tmp/right")" != "$(count "$names")" ] || return 0
  start=$(now)
  set -- --no-unpack --platform "$platform"
  case $client in 1.*) ;; *) set -- "$@" --label "kubectl-preload/set=$set" ${pin:+--label "io.cri-containerd.pinned=$pin"} ;; esac
  case $client:$server in 2.*:1.*) set -- "$@" --local ;; esac # CRI of 1.x does not see what the transfer service imports
  "$ctr" images import "$@" "$here/restore/images.tar" >/dev/null 2>"$tmp/errors" || log "import: $(sed '$!d' "$tmp/errors")"
  log "import: $(images <"$names") images ($(count "$names") names) in $(since "$start")"
}

# A digest stays pinned as long as one of its names is, so the names of older sets are unpinned, all of them.
label_names() {
  start=$(now) owner='labels."kubectl-preload/set"' pinned='labels."io.cri-containerd.pinned"'
  "$ctr" images ls -q "$owner!=$set" "$pinned!=\"$pin\"" | ours >"$tmp/bare"
  spread "$tmp/bare" label "kubectl-preload/set=$set" "io.cri-containerd.pinned=$pin"
  "$ctr" images ls -q "$owner,$owner!=$set,$pinned==pinned" >"$tmp/older"
  spread "$tmp/older" label io.cri-containerd.pinned=
  log "pin: $(count "$names") names${pin:+ pinned}, $(count "$tmp/older") of older sets unpinned in $(since "$start")"
  case $pin$server in pinned1.6.[0-9] | pinned1.6.1? | pinned1.6.2[01]) log "pin: containerd $server does not heed pins" ;; esac
}

label() { while read -r name _; do "$ctr" images label "$name" "$@" >/dev/null; done; }

# The kubelet sees an image once the CRI plugin has labelled its name.
wait_for_cri() {
  start=$(now)
  while find_unseen && [ -s "$tmp/unseen" ] && ! late "$start"; do pause; done
}

find_unseen() {
  : >"$tmp/unseen"
  [ "$namespace" = k8s.io ] && plugin_ok io.containerd.grpc.v1 cri || return 0
  "$ctr" images ls -q 'labels."io.cri-containerd.image"!=managed' | ours >"$tmp/unseen"
}

# --- what counts as present ---

# missing, "name digest reason" of each name that is not there, whose layers do not all lead somewhere, or that CRI ignores.
judge() {
  spread "$names" right_names >"$tmp/right"
  find_unseen
  while read -r chain dir; do
    [ ! -d "$dir" ] || echo "$chain"
  done <"$tmp/dirs" >"$tmp/whole"
  awk '
    FILENAME == ARGV[1] { right[$1]; next }
    FILENAME == ARGV[2] { unseen[$1]; next }
    FILENAME == ARGV[3] { whole[$1]; next }
    FILENAME == ARGV[4] { if ($1 in whole && ($2 == "-" || $2 in sound)) sound[$1]; next }
    !($1 in right) { print $1, $2, "it is not in the store with the digest of the volume"; next }
    $3 != "-" && !($3 in sound) { print $1, $2, "some of its layers are not there"; next }
    $1 in unseen { print $1, $2, "the CRI plugin has not taken it over" }
  ' "$tmp/right" "$tmp/unseen" "$tmp/whole" "$layers" "$names" >"$tmp/missing"
}

# A name whose layers are not there would keep the kubelet from pulling it.
drop_broken() { sed -n '/ some of its layers are not there$/p' "$tmp/missing" | remove_images; }

# Removes all names of the images whose digests stand second on standard input.
remove_images() {
  filters=$(awk '!seen[$2]++ { print "target.digest==" $2 }')
  [ -n "$filters" ] || return 0
  # shellcheck disable=SC2086
  doomed=$("$ctr" images ls -q $filters)
  # shellcheck disable=SC2086
  [ -z "$doomed" ] || "$ctr" images rm --sync $doomed >/dev/null
}

report() {
  sed 's/^\([^ ]*\) [^ ]* /preload: missing \1: /' "$tmp/missing" >&2
  all=$(images <"$names") absent=$(images <"$tmp/missing")
  summary="$((all - absent)) of $all images present for the kubelet, $(since "$begin")"
  [ "$absent" = 0 ] || fail 1 "$summary"
  log "$summary"
}

# --- undo ---

# Layers that another set on this node has too go over to that set; what remains linked here is to be taken out.
hand_over() {
  [ ! -s "$tmp/lost" ] || fail 1 "cannot find the directories of $(count "$tmp/lost") layers"
  links | while read -r chain dir target; do
    [ "$target" = "$linked/${chain#sha256:}/fs" ] || continue
    heir=$(heir "${chain#sha256:}")
    if [ -n "$heir" ]; then ln -sfn "$heir" "$dir"; else echo "$chain"; fi
  done >"$tmp/mine"
}

heir() (
  set +f
  for path in "$state"/*/layers/"$1"/fs; do
    [ "$path" != "$linked/$1/fs" ] && [ -d "$path" ] && echo "$path" && return
  done
)

# Layers are left to garbage collection, which knows what else needs them; ctr refuses to remove a layer that ever had a
# child collected. What a container runs on keeps its name and its hold.
take_out() {
  awk -v names="$tmp/free-names" '
    FILENAME == ARGV[1] { mine[$1]; next }
    FILENAME == ARGV[2] { if (NF > 2 && $NF != "Committed") keep[$(NF - 1)]; next }
    FILENAME == ARGV[3] { parent[$1] = $2; chain[++n] = $1; next }
    !($3 in keep) && ($3 in mine) { print >names }
    END { for (; n; n--) if (chain[n] in keep) keep[parent[chain[n]]]; else if (chain[n] in mine) print chain[n] }
  ' "$tmp/mine" "$tmp/snapshots" "$layers" "$names" >"$tmp/free"
  [ ! -f "$tmp/free-names" ] || remove_images <"$tmp/free-names" || fail 1 "containerd does not remove the linked images"
  spread "$tmp/free" let_go
  "$ctr" leases rm --sync "$("$ctr" leases create)" >/dev/null
  "$ctr" snapshots ls >"$tmp/snapshots" || fail 1 "containerd does not list its snapshots"
  awk 'FILENAME == ARGV[1] { mine[$1]; next } $1 in mine' "$tmp/mine" "$tmp/snapshots" >"$tmp/stuck"
  [ ! -s "$tmp/stuck" ] || fail 1 "$(count "$tmp/stuck") linked layers are still in use, by $(users): remove that and run --undo again"
}

let_go() { while read -r chain; do "$ctr" snapshots label "$chain" containerd.io/gc.root= >/dev/null; done; }

# Containers and layers on top of linked layers, and configs of images that consist of linked layers.
users() {
  label=containerd.io/gc.ref.snapshot.overlayfs
  "$ctr" content ls "labels.\"$label\"" | sed -n "s|^\([^[:blank:]]*\).*$label=\(sha256:[0-9a-f]*\).*|\1 \2 config|p" |
    awk 'FILENAME == ARGV[1] { mine[$1]; next } NF > 2 && ($(NF - 1) in mine) && !($1 in mine) { printf "%s ", $1 }' \
      "$tmp/mine" "$tmp/snapshots" -
}

forget() {
  "$ctr" images ls -q "labels.\"kubectl-preload/set\"==$set" >"$tmp/ours"
  spread "$tmp/ours" label kubectl-preload/set= io.cri-containerd.pinned=
  if grep -qs "$state/$set/" "$drop_in"; then
    rm -f "$drop_in"
    systemctl daemon-reload 2>/dev/null || log "systemctl daemon-reload failed: $drop_in is gone from the next boot on"
  fi
  rm -rf "$record" "${state:?}/$set"
  rmdir "$state/record" "$state/new" "$state" 2>/dev/null
}

main "$@"
