import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A ctr that writes down its arguments and answers like an empty containerd that takes everything. */
export interface RecordingCtr {
  /** for --ctr */
  path: string;
  /** All words of all calls since the last reset. */
  words(): Promise<string[]>;
  /** Empties its store. */
  reset(): Promise<void>;
}

// a call that makes a snapshot prints how to mount it, as restore.sh learns the folder from that
const SCRIPT = `#!/bin/sh
printf '%s\\0' "$@" >>"$FOLDER/words"
case "$*" in
  *' version') printf 'Client:\\n  Version:  v2.2.0\\n\\nServer:\\n  Version:  v2.2.0\\n' ;;
  *'plugins ls')
    printf '%s\\n' 'TYPE ID PLATFORMS STATUS' 'io.containerd.snapshotter.v1 overlayfs linux/amd64 ok' \\
      'io.containerd.grpc.v1 cri linux/amd64 ok' ;;
  'snapshots ls') echo 'KEY PARENT KIND'; [ ! -f "$FOLDER/committed" ] || cat "$FOLDER/committed" ;;
  'snapshots prepare --target /x preload-'*)
    until mkdir "$FOLDER/snapshots/$$" 2>/dev/null; do sleep 0.01; done
    mkdir "$FOLDER/snapshots/$$/fs"
    echo "mount -t overlay overlay /x -o workdir=$FOLDER/snapshots/$$/work,upperdir=$FOLDER/snapshots/$$/fs" ;;
  'images import'*) case "$*" in *-) cat >/dev/null ;; esac; : >"$FOLDER/imported" ;;
  'images ls -q name=='*)
    shift 3
    [ ! -e "$FOLDER/imported" ] || printf '%s\\n' "$@" | grep -Fxf "$FOLDER/filters" | sed 's/name=="//; s/".*//' ;;
esac
exit 0
`;

const CRICTL = `#!/bin/sh
case "$*" in *imagefsinfo) echo '"mountpoint": "/io.containerd.snapshotter.v1.overlayfs"' ;; esac
`;

/** Makes it in `folder`. Once anything was imported, it has the images that `names` lists, a restore/names. */
export const makeRecordingCtr = async (folder: string, names: string): Promise<RecordingCtr> => {
  const path = join(folder, 'ctr');
  await writeFile(path, SCRIPT.replaceAll('$FOLDER', folder));
  await writeFile(join(folder, 'crictl'), CRICTL);
  for (const program of ['ctr', 'crictl']) await chmod(join(folder, program), 0o755);
  const filters = names.replace(/^(\S+) (\S+) .*$/gm, 'name=="$1",target.digest=="$2"');
  await writeFile(join(folder, 'filters'), filters);
  const reset = async () => {
    for (const file of ['words', 'imported', 'snapshots'])
      await rm(join(folder, file), { recursive: true, force: true });
    await mkdir(join(folder, 'snapshots'));
    await writeFile(join(folder, 'words'), '');
  };
  return { path, reset, words: async () => (await readFile(join(folder, 'words'), 'utf8')).split('\0').slice(0, -1) };
};
