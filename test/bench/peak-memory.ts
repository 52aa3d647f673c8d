// Imported into a program to be measured: writes its peak memory in KiB to $PEAK_MEMORY_FILE when it ends.
// The kernel keeps the peak; that of a finished child may be its parent's, from before the program was loaded.
import { readFileSync, writeFileSync } from 'node:fs';

process.once('exit', () => {
  const peak = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '';
  writeFileSync(process.env.PEAK_MEMORY_FILE ?? '', peak);
});
