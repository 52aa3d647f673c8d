// Usage: npm run -s bench -- restore|export|huge-image [GB]|sizes [COUNT...]|compare CHECKOUT [RUNS [ONLY...]]
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const BENCHMARKS = ['restore', 'export', 'huge-image', 'sizes', 'compare'];

const [name = '', ...args] = process.argv.slice(2);
if (BENCHMARKS.includes(name)) {
  const script = join(import.meta.dirname, `${name}.ts`);
  process.exitCode =
    spawnSync(process.execPath, [...process.execArgv, script, ...args], { stdio: 'inherit' }).status ?? 1;
} else {
  console.error(`error: no benchmark "${name}"\nhint: there is ${BENCHMARKS.join(', ')}`);
  process.exitCode = 1;
}
