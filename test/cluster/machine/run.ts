import { spawn } from 'node:child_process';

interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  input?: string;
  progress?: boolean;
  onStderr?: (text: string) => void;
}

/** Runs a command to its end and returns its stdout; `progress` lets its stderr through. Throws with the stderr's end. */
export const run = async (argv: readonly string[], options: RunOptions = {}): Promise<string> => {
  const [command = '', ...args] = argv;
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['pipe', 'pipe', options.progress ? 'inherit' : 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
    options.onStderr?.(String(chunk));
  });
  child.stdin?.on('error', () => {}); // a command that ends early says why itself
  child.stdin?.end(options.input ?? '');
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}: ${stderr.trim().slice(-2000)}`);
  return stdout;
};

/** Whether the command ends with 0. */
export const succeeds = async (argv: readonly string[], options: RunOptions = {}): Promise<boolean> => {
  return run(argv, options).then(
    () => true,
    () => false,
  );
};
