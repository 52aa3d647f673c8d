import { isatty } from 'node:tty';
import { PreloadError } from '../model/errors.ts';
import { plainLines } from '../model/parse.ts';
import type { Environment } from '../net/proxy.ts';
import { CommandFailed, NOT_FOUND, runForUser } from '../node/command.ts';
import { type ExecCredential, parseExecCredential } from './exec-credential.ts';
import type { ExecEntry } from './kubeconfig-entries.ts';

export interface ExecPlugin {
  /** runs the plugin, unless its last credential is still valid */
  credential: () => Promise<ExecCredential>;
  /** drops the last credential, which the server has refused */
  forget: () => void;
}

/** Where a plugin runs. */
export interface PluginPlace {
  environment: Environment;
  /** set if no user waits for the plugin, which is then killed when this is aborted */
  unattended?: AbortSignal | undefined;
}

/** A plugin for credentials. `cluster` tells it about the server, if the kubeconfig wants that. */
export const createExecPlugin = (exec: ExecEntry, cluster: () => object, place: PluginPlace): ExecPlugin => {
  let last: ExecCredential | undefined;
  return {
    credential: async () => {
      if (!last || last.expires <= Date.now()) last = await runPlugin(exec, cluster, place);
      return last;
    },
    forget: () => {
      last = undefined;
    },
  };
};

const STDIN = 0;

/** Lets no plugin open a browser. */
const WITHOUT_DISPLAY = { DISPLAY: undefined, WAYLAND_DISPLAY: undefined, BROWSER: 'false' };

const runPlugin = async (exec: ExecEntry, cluster: () => object, place: PluginPlace): Promise<ExecCredential> => {
  const { unattended, environment } = place;
  const { apiVersion, command, args, env, interactiveMode, provideClusterInfo } = exec;
  const hasTerminal = !unattended && isatty(STDIN);
  if (interactiveMode === 'Always' && !hasTerminal)
    throw new PreloadError(`${command} asks for credentials`, 'run this command in a terminal');
  const interactive = interactiveMode !== 'Never' && hasTerminal;
  const spec = { ...(provideClusterInfo && { cluster: cluster() }), interactive };
  const info = JSON.stringify({ kind: 'ExecCredential', apiVersion, spec });
  const own = Object.fromEntries(env.map(({ name, value }) => [name, value]));
  const output = await runForUser([command, ...args], {
    env: { ...environment, ...(unattended && WITHOUT_DISPLAY), ...own, KUBERNETES_EXEC_INFO: info },
    interactive,
    unattended,
  }).catch((error: Error) => {
    throw error instanceof CommandFailed ? new PreloadError(error.message, hintFor(exec, error)) : error;
  });
  try {
    return parseExecCredential(output.toString(), apiVersion);
  } catch (error) {
    throw new PreloadError(
      `what ${command} printed cannot be used: ${(error as Error).message}`,
      'see the documentation of that credential plugin',
    );
  }
};

const hintFor = ({ command, installHint }: ExecEntry, { code }: CommandFailed): string => {
  if (code !== NOT_FOUND) return `${command} should print the reason; kubectl runs it, too`;
  return plainLines(installHint.trim()) || `install ${command}, which the kubeconfig uses to log in`;
};
