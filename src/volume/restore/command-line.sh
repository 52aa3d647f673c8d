# --- the command line ---

parse() {
  while [ $# -gt 0 ]; do
    case $1 in
      --mode | --address | --ctr | --namespace | --wait | --expect) [ -n "${2-}" ] || fail 2 "$1 needs a value" ;;
    esac
    case $1 in
      --mode) mode=$2 && shift ;;
      --address) address=$2 && shift ;;
      --ctr) ctr=$2 && shift ;;
      --namespace) namespace=$2 && shift ;;
      --wait) wait=$2 && shift ;;
      --expect) expect=$2 && shift ;;
      --settle) settle=yes ;;
      --no-pin) pin='' ;;
      --register-blobs) register=yes ;;
      --label) node_label=yes ;;
      --prewarm | --prewarm=hot) prewarm=hot ;;
      --prewarm=all) prewarm=all ;;
      --prewarm-now | --prewarm-now=hot) action=prewarm prewarm=hot ;;
      --prewarm-now=all) action=prewarm prewarm=all ;;
      --prewarm=* | --prewarm-now=*) fail 2 "$1 is not one of hot, all" ;;
      --check) action=check ;;
      --undo) action=undo ;;
      --install) action=install ;;
      --uninstall) action=uninstall ;;
      --before-containerd) action=before_containerd ;;
      --quiet) quiet=yes ;;
      -h | --help)
        sed -n '/^# usage/,/^$/s/^# \{0,1\}//p' "$0"
        exit
        ;;
      *) fail 2 "unknown option $1; see restore.sh --help" ;;
    esac
    shift
  done
  case $mode in auto | store | link | copy | import) ;; *) fail 2 "--mode $mode is not one of auto, store, link, copy, import" ;; esac
  case $wait in *[!0-9]* | 0?*) fail 2 "--wait $wait is not a number of seconds" ;; esac
  for limit in "$call_limit" "$long_call_limit" "$lock_limit"; do
    case $limit in *[!0-9]* | 0*) fail 2 "PRELOAD_*_LIMIT: $limit is not a number of seconds" ;; esac
  done
  case $rate in *[!0-9]* | 0* | ?????*) fail 2 "PRELOAD_PREWARM_RATE: $rate is not a number of MiB from 1 to 9999" ;; esac
  case ${expect#sha256:} in *[!0-9a-f]*) expect=invalid ;; esac
  case $expect in '') ;; sha256:*) [ ${#expect} = 71 ] ;; *) false ;; esac || fail 2 "--expect needs sha256: and 64 lower-case hexadecimal digits"
  [ -z "$settle" ] || case $mode in auto | store | link) ;; *) fail 2 "--settle cannot be used with --mode $mode" ;; esac
}
