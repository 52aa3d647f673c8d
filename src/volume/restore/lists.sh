# --- lists: an item on each line ---

count() { awk 'END { print NR }' "$1"; }

# Whether the first word of each item of list $2 is that of one of list $1.
has_all() { awk 'FILENAME == ARGV[1] { have[$1]; next } !($1 in have) { exit 1 }' "$1" "$2"; }

# Whether the disk of $1 has $2 KiB and $3 inodes free.
has_space() {
  read -r blocks block_size inodes free_inodes <<END
$(stat -f -c '%a %S %c %d' "$1")
END
  [ $((${blocks:-0} * ${block_size:-0} / 1024)) -ge "$2" ] && { [ "$inodes" = 0 ] || [ "$free_inodes" -ge "$3" ]; }
}

# "name digest chain" of the names on standard input that are on the volume.
ours() { awk 'FILENAME == ARGV[1] { ours[$1] = $0; next } $1 in ours { print ours[$1] }' "$names" -; }

# Number of distinct images among the names on standard input.
images() { awk 'FILENAME == ARGV[1] { digest[$1] = $2; next } !seen[digest[$1]]++ { n++ } END { print n + 0 }' "$names" -; }

# Runs a function in several workers; each reads a slice of the file from standard input.
spread() {
  file=$1 && shift
  awk -v slice="$tmp/slice." -v workers="$workers" '
    BEGIN { for (i = 0; i < workers; i++) printf "" >(slice i) } { print >(slice ((NR - 1) % workers)) }' "$file"
  worker=0 jobs=''
  while [ "$worker" -lt "$workers" ]; do
    [ ! -s "$tmp/slice.$worker" ] || { "$@" <"$tmp/slice.$worker" & jobs="$jobs $!"; }
    worker=$((worker + 1))
  done
  worker=main
  # shellcheck disable=SC2086 # words without spaces
  [ -z "$jobs" ] || wait $jobs
}
