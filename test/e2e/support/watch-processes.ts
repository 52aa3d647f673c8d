import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

// Looks at the command line and environment of every process of the machine, over and over, for secrets that it reads from
// its standard input, one per line up to an empty one; until that ends. A program of its own, so that nothing slows it down.

/** What it prints in the end. */
export interface Watched {
  rounds: number;
  /** command lines, each once */
  seen: string[];
  /** those that had a secret, or had one in their environment */
  leaking: string[];
}

const secrets: string[] = [];
let ended = false;
let input = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (chunk) => {
  input += chunk;
  if (secrets.length > 0 || !input.includes('\n\n')) return;
  secrets.push(...input.split('\n').filter(Boolean));
  process.stdout.write('watching\n');
});
process.stdin.on('end', () => {
  ended = true;
});

const read = (pid: string, file: string): string => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return ''; // it is gone
  }
};

const [seen, leaking] = [new Set<string>(), new Set<string>()];
let rounds = 0;
for (;;) {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name) && name !== `${process.pid}`)) {
    const commandLine = read(pid, 'cmdline').replaceAll('\0', ' ');
    seen.add(commandLine);
    const all = commandLine + read(pid, 'environ');
    if (secrets.some((secret) => all.includes(secret))) leaking.add(commandLine);
  }
  if (secrets.length > 0) rounds += 1;
  if (ended && (rounds > 0 || secrets.length === 0)) break;
  await sleep(5);
}
console.log(JSON.stringify({ rounds, seen: [...seen], leaking: [...leaking] } satisfies Watched));
