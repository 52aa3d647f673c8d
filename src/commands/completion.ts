import type { Argv } from 'yargs';
import type { Context } from '../cli/context.ts';
import { COMPLETE, type Example } from '../cli/help.ts';
import { PLUGIN, TOOL, USAGE_NAME } from '../model/names.ts';

const SCRIPT = `kubectl_complete-${PLUGIN}`;

export const command = 'completion';
export const describe = `Print ${SCRIPT}, the completion script for kubectl`;

export const examples: Example[] = [
  [
    'Install it beside the plugin that krew installed',
    `${USAGE_NAME} completion > ~/.krew/bin/${SCRIPT} && chmod +x ~/.krew/bin/${SCRIPT}`,
  ],
];

export const builder = (yargs: Argv) => yargs;

export const runCompletion = async (_options: unknown, { print }: Context): Promise<void> =>
  print(`#!/bin/sh\nexec ${TOOL} ${COMPLETE} "$@"`);
