import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Calls by which layers are linked, and not looked for: a pattern of `case`. */
export const LINKING = "*'prepare --target /x preload-'[0-9a-f]*";

/** A ctr that runs shell commands before a call, which `$*` describes. */
export const ctrWith = async (files: string, script: string): Promise<string> => {
  const path = join(files, 'ctr');
  await writeFile(path, `#!/bin/sh\n${script}\nexec ctr "$@"\n`, { mode: 0o755 });
  return path;
};

/** Shell commands that refuse these calls, also a pattern. */
export const refuse = (calls: string): string =>
  `case "$*" in ${calls}) echo 'ctr: dial /run/containerd/containerd.sock: connection refused' >&2; exit 1 ;; esac`;

/**
 * Kills containerd at the N-th of these calls, which fails. All calls after it find the next containerd. One call at a time,
 * as a containerd that is killed while it makes a snapshot leaves a folder where its next one has to be.
 */
export const killAt = async (files: string, calls: string, turn: number): Promise<string> => {
  const turns = join(files, 'turns');
  await writeFile(turns, '');
  return ctrWith(
    files,
    `exec 8>>${turns}
    flock 8
    case "$*" in ${calls})
      echo >&8
      [ "$(wc -l <${turns})" != ${turn} ] || {
        pid=$(cat /run/containerd.pid); boot=$(sed -n 's/^PPid:.//p' "/proc/$pid/status")
        kill -STOP $boot; kill -9 "$pid"
        ctr "$@"; code=$?
        kill -CONT $boot
        until ctr version >/dev/null 2>&1; do sleep 0.1; done
        exit $code
      } ;;
    esac`,
  );
};

/** How many calls there were since then. */
export const callsSince = async (files: string): Promise<number> => (await readFile(join(files, 'turns'))).length;
