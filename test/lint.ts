// Every linter of the project, each on all files that are its own.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { restoreScript } from '../src/volume/restore/script.ts';
import { ensurePackages } from './cluster/machine/apt.ts';

await ensurePackages(['shellcheck'], console.error);
const files = execFileSync('git', ['ls-files'], { encoding: 'utf8' }).trim().split('\n');
const shellFiles = files
  .filter((file) => !/^src\/volume\/restore\/(?!swap)/.test(file)) // parts of one script, which is checked as a whole
  .filter((file) => /^#!\/bin\/(ba)?sh/.test(readFileSync(file, 'utf8')));

const lint = (...[command = '', ...args]: string[]): boolean =>
  spawnSync(command, args, { stdio: 'inherit' }).status === 0;

const lintRestoreScript = (): boolean =>
  spawnSync('shellcheck', ['-'], { input: restoreScript, stdio: ['pipe', 'inherit', 'inherit'] }).status === 0;

/** Words and phrases that make a native reader stop. */
const ARCHAIC =
  /\b(shall|heeds?|anew|hitherto|whence|thereof|wherein|whereby)\b|\bis none\b|\bto be \w+ed with\b|\bone a line\b/;

const lintEnglish = (): boolean => {
  const texts = files.filter((file) => /\.(ts|sh|md|go)$/.test(file) && file !== 'test/lint.ts');
  const found = texts.flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((line, index) =>
        ARCHAIC.test(line) ? [`${file}:${index + 1}: say it in plain English: ${line.trim()}`] : [],
      ),
  );
  for (const line of found) console.error(line);
  return found.length === 0;
};

const clean = [
  lint('biome', 'check', '.'),
  lint('shellcheck', ...shellFiles),
  lintRestoreScript(),
  lintEnglish(),
  lint('go', '-C', 'test/cluster/csi-driver', 'vet', './...'),
];
process.exitCode = clean.every(Boolean) ? 0 : 1;
