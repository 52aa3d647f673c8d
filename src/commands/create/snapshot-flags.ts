import type { Argv } from 'yargs';
import { invalidArgument, keepLast, optional, text, toggle } from '../../cli/flags.ts';
import { GROUPS } from '../../cli/help.ts';
import { UsageError } from '../../model/errors.ts';
import { prefixProblem } from '../../model/generations.ts';
import { annotationProblem, fitsObject, labelProblem } from '../../model/metadata.ts';

/** Flags for the name of the snapshot, what it has, and how long it stays. */
export const snapshotFlags = <T>(yargs: Argv<T>) =>
  yargs
    .option('generate-name', {
      ...text('Prefix such as nightly-; the name of the preload is this and the time'),
      coerce: generateName,
    })
    .option('keep-last', {
      ...text(
        'Once the preload is ready, delete older ones with its prefix and platform; N stay, the new one included',
      ),
      coerce: optional(keepLast),
    })
    .option(
      'retain',
      toggle('Set deletionPolicy Retain, so that the storage keeps its snapshot if the VolumeSnapshot is deleted'),
    )
    .option('label', {
      ...text('Label KEY=VALUE of the VolumeSnapshot; can be repeated'),
      array: true,
      default: [],
      coerce: labels,
    })
    .option('annotation', {
      ...text('Annotation KEY=VALUE of the VolumeSnapshot; can be repeated'),
      array: true,
      default: [],
      coerce: annotations,
    })
    .group(['generate-name', 'keep-last', 'retain', 'label', 'annotation'], GROUPS.snapshot);

const generateName = (text: string | undefined): string | undefined => {
  const problem = text === undefined ? undefined : prefixProblem(text);
  if (problem) throw invalidArgument('generate-name', text ?? '', problem);
  return text;
};

const labels = (texts: string | string[]) => keyValues('label', texts, labelProblem);

const annotations = (texts: string | string[]) => {
  const found = keyValues('annotation', texts, annotationProblem);
  if (fitsObject(found ?? {})) return found;
  throw new UsageError('the annotations are too long: they must have at most 256Ki characters together');
};

/** Values of a flag that can be repeated; only one if it comes from the environment. Undefined if there are none. */
const keyValues = (
  flag: string,
  texts: string | string[],
  problemOf: (key: string, value: string) => string | undefined,
): Record<string, string> | undefined => {
  const pairs = [texts].flat().map((text) => {
    const [, key = '', value] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
    const problem = value === undefined ? 'must be KEY=VALUE' : problemOf(key, value);
    if (problem) throw invalidArgument(flag, text, problem);
    return [key, value ?? ''] as const;
  });
  return pairs.length > 0 ? Object.fromEntries(pairs) : undefined;
};
