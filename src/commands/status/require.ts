import { PreloadError } from '../../model/errors.ts';
import { statusCommand, USAGE_NAME } from '../../model/names.ts';
import type { PreloadSummary } from '../../model/summary.ts';
import { firstOf } from '../../model/units.ts';

const MOST_NAMED = 3;

/** Throws PreloadError if one of `preloads` cannot be used, or has less than `percent` of the images in use. */
export const requireCoverage = (preloads: readonly PreloadSummary[], percent: number): void => {
  if (preloads.length === 0) throw new PreloadError('there is no preload that could cover the images in use');
  const failures = preloads.flatMap((preload) => {
    const problem = problemOf(preload, percent);
    return problem ? [{ preload, problem }] : [];
  });
  const [first, ...others] = failures;
  if (!first) return;
  const { name, namespace } = first.preload;
  const more = others.length > 0 ? `; the same is true of ${others.length} more` : '';
  throw new PreloadError(
    `preload "${name}" ${first.problem}${more}`,
    `see what differs: ${statusCommand(name, namespace)}; to capture what is in use now: ${USAGE_NAME} create`,
  );
};

const problemOf = ({ phase, coverage }: PreloadSummary, percent: number): string | undefined => {
  if (phase !== 'Ready') return `is not ready: its phase is ${phase}`;
  if (!coverage) return `has an unknown coverage, and ${percent} % is required`;
  const { inUse, present, missing = [], outdated = [] } = coverage;
  if (present * 100 >= percent * inUse) return undefined;
  const names = [...missing, ...outdated].map((image) => image.name);
  return `has ${present} of ${inUse} images in use, less than ${percent} %: it lacks ${firstOf(names, MOST_NAMED)}`;
};
