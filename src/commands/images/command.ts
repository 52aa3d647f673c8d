import type { Argv } from 'yargs';
import { connectionFlags, outputFlag, text } from '../../cli/flags.ts';
import { type Example, GROUPS } from '../../cli/help.ts';
import { USAGE_NAME } from '../../model/names.ts';
import { excludeFlag, platform } from '../capture-flags.ts';
import { SOURCES, sourceFlags } from '../source-flags.ts';

export const command = 'images';
export const describe = 'Show the images that create would capture';

export const examples: Example[] = [
  ['Show all images in use in the cluster', `${USAGE_NAME} images`],
  ['Show those of one namespace', `${USAGE_NAME} images --namespace-selector kubernetes.io/metadata.name=shop`],
  ['Show those of a Helm chart', `helm template ./chart | ${USAGE_NAME} images --from-file -`],
  ['Edit the list, then capture it', `${USAGE_NAME} images -o name > images.txt`],
];

export const builder = (yargs: Argv) =>
  excludeFlag(sourceFlags(outputFlag(connectionFlags(yargs), ['wide'])))
    .option('node', text('Node whose cache to look at; by default the one that create would choose'))
    .option('platform', { ...text('Platform of that node'), coerce: platform })
    // for those who type it anyway: it is what this command does
    .option('all-namespaces', { type: 'boolean', alias: 'A', hidden: true })
    .group([...SOURCES, 'node', 'platform'], GROUPS.what);

export type ImagesOptions = Awaited<ReturnType<typeof builder>['argv']>;
