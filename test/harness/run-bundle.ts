import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, resolve } from 'node:path';
import { TOOL } from '../../src/model/names.ts';

/** The built program; npm's scripts build it before they test. */
export const BUNDLE = resolve(import.meta.dirname, '../../dist', TOOL);

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/**
 * Starts the built program with `env` instead of the environment of this process. If `input` is null, standard input stays
 * open.
 */
export const startBundle = (argv: readonly string[], env: Record<string, string> = {}, input: string | null = '') => {
  const PATH = `${dirname(process.execPath)}:/usr/bin:/bin`;
  const child = spawn(process.execPath, [BUNDLE, ...argv], {
    env: { PATH, HOME: '/nonexistent', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => {}); // it may end without reading all
  if (input !== null) child.stdin.end(input);
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].on('data', (chunk) => {
      said[stream] += chunk;
    });
  }
  const outcome = once(child, 'close').then(([code]): Outcome => ({ code, ...said }));
  return { child, said, outcome };
};

export const runBundle = (argv: readonly string[], env?: Record<string, string>, input?: string): Promise<Outcome> =>
  startBundle(argv, env, input).outcome;
