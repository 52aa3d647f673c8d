import type { Argv } from 'yargs';
import { text } from '../cli/flags.ts';
import type { Selection } from '../cluster/pod-users.ts';
import { UsageError } from '../model/errors.ts';
import type { ImageReference } from '../model/image-reference.ts';

export const SOURCES = ['from', 'from-file', 'selector', 'namespace-selector', 'exclude'];

/** Flags that say where to look for images. */
export const sourceFlags = <T>(yargs: Argv<T>) =>
  yargs
    .option('from', {
      choices: ['cluster', 'cache', 'cluster,cache'] as const,
      requiresArg: true,
      describe: "Where to look for images if none are given: in use in the cluster, in the node's cache, or both",
      defaultDescription: 'cluster',
    })
    .option('from-file', {
      ...text('File with manifests, or with one image per line; - for standard input; can be repeated'),
      array: true,
      default: [],
      coerce: (files: string | string[]) => [...new Set([files].flat())], // only one if it comes from the environment
    })
    .option('selector', {
      ...text('Label selector for the workloads whose images are in use, such as app=web'),
      alias: 'l',
    })
    .option('namespace-selector', text('Label selector for the namespaces of these workloads'));

/** The values of these flags, and images that were given as arguments. */
export interface SourceOptions extends Selection {
  IMAGE: readonly ImageReference[];
  from?: 'cluster' | 'cache' | 'cluster,cache' | undefined;
  fromFile: readonly string[];
}

/** Whether the user named what to capture. */
export const isNamed = ({ IMAGE, fromFile }: SourceOptions): boolean => IMAGE.length > 0 || fromFile.length > 0;

/** Whether images in use in the cluster are wanted. */
export const usesCluster = (options: SourceOptions): boolean => options.from?.includes('cluster') ?? !isNamed(options);

export const usesCache = ({ from }: SourceOptions): boolean => from?.includes('cache') ?? false;

/** Throws UsageError if these flags contradict each other. */
export const checkSources = (options: SourceOptions): void => {
  const { IMAGE, from, selector, namespaceSelector } = options;
  if (IMAGE.length > 0 && from) throw new UsageError('specify images or --from, not both');
  if (usesCluster(options)) return;
  const flag = (selector !== undefined && '--selector') || (namespaceSelector !== undefined && '--namespace-selector');
  if (flag) throw new UsageError(`${flag} selects workloads in the cluster, so it needs --from cluster`);
};
