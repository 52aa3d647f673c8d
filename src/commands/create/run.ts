import type { Context } from '../../cli/context.ts';
import { QUIET } from '../../cli/progress.ts';
import { type Cluster, connect } from '../../cluster/connection.ts';
import { UNTIL_DEADLINE } from '../../cluster/weather.ts';
import { NEVER } from '../../model/names.ts';
import type { PreloadSummary } from '../../model/summary.ts';
import { endOfRun, withDeadline } from '../deadline.ts';
import { findImages } from '../find-images.ts';
import { formatPreloads } from '../preload-table.ts';
import { forAllPlatforms, type Outcomes } from './all-platforms.ts';
import { readArguments } from './arguments.ts';
import type { CreateOptions } from './command.ts';
import { concludePreload, nextCommand } from './conclude.ts';
import { checkContradictions } from './contradictions.ts';
import { dryRun, formatDryRun } from './dry-run.ts';
import type { Made } from './make.ts';
import { createPreload, type NewPreload } from './new-preload.ts';
import { resumePreload } from './resume.ts';

export const runCreate = async (given: CreateOptions, outer: Context): Promise<void> => {
  const options = { ...given, ...readArguments(given) };
  checkContradictions(options);
  const context = options.quiet ? { ...outer, progress: QUIET } : outer;
  const deadline = options.keep ? NEVER : endOfRun(options.timeout, context.now());
  const lasting = options.dryRun === 'client' ? {} : { patience: UNTIL_DEADLINE, deadline };
  const cluster = await connect({ ...options, ...lasting }, context.env, context.progress.warn);
  await withDeadline(options.timeout, context, async (limited) => {
    if (options.resume) return printPreloads([await resume(cluster, options, limited)], options, limited);
    if (options.dryRun !== 'none') {
      const { results, failure } = await forPlatforms(cluster, options, limited, dryRun);
      if (failure) throw failure;
      context.print(formatDryRun(results.flat(), options.output, options.dryRun));
      return;
    }
    const { results, failure } = await forPlatforms(cluster, options, limited, create);
    if (results.length > 0) printPreloads(results, options, limited);
    if (failure) throw failure;
  });
  context.signal.throwIfAborted(); // Ctrl-C during the removal of the loader
};

type Work<T> = (cluster: Cluster, preload: NewPreload, context: Context) => Promise<T>;

/** Does `work` for the preload, or for that of each platform. */
const forPlatforms = async <T>(
  cluster: Cluster,
  options: CreateOptions,
  context: Context,
  work: Work<T>,
): Promise<Outcomes<T>> => {
  const found = await findImages(cluster, options, context);
  const time = context.now();
  if (!options.allPlatforms) return { results: [await work(cluster, { options, found, time }, context)] };
  return forAllPlatforms(cluster, options, context, (ofPlatform, own) =>
    work(cluster, { options: ofPlatform, found, time }, own),
  );
};

const create: Work<PreloadSummary> = async (cluster, preload, context) =>
  conclude(cluster, await createPreload(cluster, preload, context), context);

const resume = async (cluster: Cluster, { NAME = '', timeout }: CreateOptions, context: Context) =>
  conclude(cluster, await resumePreload(cluster, { NAME, timeout }, context), context);

const conclude = async (cluster: Cluster, made: Made, context: Context): Promise<PreloadSummary> => {
  await concludePreload(cluster, made, context);
  return made.summary;
};

const printPreloads = (preloads: PreloadSummary[], { output, allPlatforms }: CreateOptions, context: Context): void => {
  const [first, ...others] = preloads;
  if (!first) return;
  const printed = allPlatforms ? preloads : first;
  context.print(formatPreloads(printed, output, { now: context.now() }));
  for (const { name, contentsDigest } of preloads) {
    if (!contentsDigest) continue;
    const which = others.length > 0 ? `preload ${name}` : 'this volume';
    context.progress.note(`To restore nothing but ${which}, run on nodes: restore.sh --expect ${contentsDigest}`);
  }
  for (const preload of preloads) context.progress.note(`Next: ${nextCommand(preload)}`);
};
