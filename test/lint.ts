// Every linter of the project, each on all files that are its own.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { restoreScript } from '../src/volume/restore/script.ts';
import { ensurePackages } from './cluster/apt.ts';

await ensurePackages(['shellcheck'], console.error);
const files = execFileSync('git', ['ls-files'], { encoding: 'utf8' }).trim().split('\n');
const shellFiles = files
  .filter((file) => !file.startsWith('src/volume/restore/')) // parts of one script, which is checked as a whole
  .filter((file) => /^#!\/bin\/(ba)?sh/.test(readFileSync(file, 'utf8')));

const lint = (...[command = '', ...args]: string[]): boolean =>
  spawnSync(command, args, { stdio: 'inherit' }).status === 0;

const lintRestoreScript = (): boolean =>
  spawnSync('shellcheck', ['-'], { input: restoreScript, stdio: ['pipe', 'inherit', 'inherit'] }).status === 0;

const clean = [
  lint('biome', 'check', '.'),
  lint('shellcheck', ...shellFiles),
  lintRestoreScript(),
  lint('go', '-C', 'test/cluster/csi-driver', 'vet', './...'),
];
process.exitCode = clean.every(Boolean) ? 0 : 1;
