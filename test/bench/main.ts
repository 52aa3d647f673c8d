// Usage: npm run -s bench -- restore|export|huge-image [GB]|sizes [COUNT...]|compare CHECKOUT [RUNS [ONLY...]]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const BENCHMARKS = ['restore', 'export', 'huge-image', 'sizes', 'compare'];

const [name = '', ...args] = process.argv.slice(2);
if (BENCHMARKS.includes(name)) {
  const script = join(import.meta.dirname, `${name}.ts`);
  // Ctrl-C ends the benchmark: then its mounts go with their namespace, and its files here
  const folder = mkdtempSync(join(tmpdir(), 'preload-bench-'));
  process.on('SIGINT', () => {});
  const argv = ['--mount', process.execPath, ...process.execArgv, script, ...args];
  const { status } = spawnSync('unshare', argv, { stdio: 'inherit', env: { ...process.env, TMPDIR: folder } });
  rmSync(folder, { recursive: true });
  process.exitCode = status ?? 1;
} else {
  console.error(`error: no benchmark "${name}"\nhint: there is ${BENCHMARKS.join(', ')}`);
  process.exitCode = 1;
}
