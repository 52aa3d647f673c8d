import type { Argv } from 'yargs';
import type { Context } from '../cli/context.ts';
import type { Example } from '../cli/help.ts';
import { TOOL } from '../model/names.ts';
import { version } from '../version.ts';

export const command = 'version';
export const describe = 'Print the version';

export const examples: Example[] = [];

export const builder = (yargs: Argv) => yargs;

export const runVersion = async (_options: unknown, { print }: Context): Promise<void> => print(`${TOOL} ${version}`);
