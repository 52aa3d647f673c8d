import background from './background.sh' with { type: 'text' };
import before from './before.sh' with { type: 'text' };
import blobs from './blobs.sh' with { type: 'text' };
import boot from './boot.sh' with { type: 'text' };
import canStore from './can-store.sh' with { type: 'text' };
import commandLine from './command-line.sh' with { type: 'text' };
import containerd from './containerd.sh' with { type: 'text' };
import cri from './cri.sh' with { type: 'text' };
import depot from './depot.sh' with { type: 'text' };
import importing from './import.sh' with { type: 'text' };
import install from './install.sh' with { type: 'text' };
import label from './label.sh' with { type: 'text' };
import labels from './labels.sh' with { type: 'text' };
import link from './link.sh' with { type: 'text' };
import lists from './lists.sh' with { type: 'text' };
import lock from './lock.sh' with { type: 'text' };
import losses from './losses.sh' with { type: 'text' };
import main from './main.sh' with { type: 'text' };
import mode from './mode.sh' with { type: 'text' };
import patience from './patience.sh' with { type: 'text' };
import presence from './presence.sh' with { type: 'text' };
import prewarm from './prewarm.sh' with { type: 'text' };
import report from './report.sh' with { type: 'text' };
import selinux from './selinux.sh' with { type: 'text' };
import settle from './settle.sh' with { type: 'text' };
import store from './store.sh' with { type: 'text' };
import survey from './survey.sh' with { type: 'text' };
import swap from './swap.sh' with { type: 'text' };
import time from './time.sh' with { type: 'text' };
import undo from './undo.sh' with { type: 'text' };
import volume from './volume.sh' with { type: 'text' };

const first = [main, report, time, lists, commandLine, volume, patience, containerd, cri, mode, selinux, lock, survey];
const others = [
  canStore,
  losses,
  store,
  depot,
  before,
  link,
  boot,
  install,
  background,
  settle,
  importing,
  blobs,
  labels,
  label,
  presence,
  undo,
  prewarm,
];

// systemd runs it, also if this volume is gone
const swapScript = `swap_script() {\n  cat <<'END'\n${swap}END\n}\n`;

/** Text of restore.sh, the same on every volume. */
export const restoreScript = [...first, ...others, swapScript, 'main "$@"\n'].join('\n');
