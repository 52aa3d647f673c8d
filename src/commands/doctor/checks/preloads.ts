import { listLeftRuns } from '../../../cluster/left-runs.ts';
import type { Node } from '../../../model/cluster-objects.ts';
import { type Finding, ok, warning } from '../../../model/finding.ts';
import { isKept, whyInUse } from '../../../model/left-run.ts';
import { USAGE_NAME } from '../../../model/names.ts';
import type { PreloadSummary } from '../../../model/summary.ts';
import { firstOf, formatAge, plural } from '../../../model/units.ts';
import type { Check } from '../check.ts';
import type { Survey } from '../survey.ts';

export const PRELOAD_CHECKS: readonly Check[] = [
  {
    id: 'platforms',
    title: 'Platforms',
    check: async ({ nodes, preloads }) => platforms(await nodes(), await preloads()),
  },
  {
    id: 'preload-age',
    title: 'Preload age',
    check: async ({ preloads, now }) => ages(await preloads(), now),
  },
  { id: 'leftovers', title: 'Leftovers', check: (survey) => checkLeftovers(survey) },
];

const platformOf = ({ status }: Node): string => `${status.nodeInfo.operatingSystem}/${status.nodeInfo.architecture}`;

const isReady = ({ phase }: PreloadSummary): boolean => phase === 'Ready';

/** Whether nodes of every platform have a preload. */
export const platforms = (nodes: readonly Node[], preloads: readonly PreloadSummary[]): Finding => {
  const ready = preloads.filter(isReady);
  if (ready.length === 0) {
    return warning('there is no ready preload in this namespace', `create one: ${USAGE_NAME} create NAME`);
  }
  const present = new Set(ready.map(({ platform }) => platform));
  const missing = [...new Set(nodes.map(platformOf))].filter((platform) => !present.has(platform)).sort();
  if (missing.length === 0) return ok(`every node's platform has a preload (${plural(ready.length, 'ready preload')})`);
  const [first] = missing;
  return warning(
    `no ready preload for ${missing.join(', ')}`,
    `create one: ${USAGE_NAME} create NAME --platform ${first}`,
    missing,
  );
};

const OLD = 30 * 24 * 3_600_000; // milliseconds; images have often changed by then

/** Whether the newest preload of every platform is recent. */
export const ages = (preloads: readonly PreloadSummary[], now: number): Finding | undefined => {
  const newest = new Map<string, PreloadSummary>();
  for (const preload of preloads.filter(isReady)) {
    const { platform = '', created } = preload;
    if (Date.parse(created) > Date.parse(newest.get(platform)?.created ?? '1970-01-01')) newest.set(platform, preload);
  }
  if (newest.size === 0) return undefined;
  const aged = [...newest.values()].map(({ name, created }) => ({ name, age: now - Date.parse(created) }));
  const old = aged.filter(({ age }) => age > OLD);
  const inWords = (some: typeof aged) => some.map(({ name, age }) => `${name} (${formatAge(age)})`);
  const [first] = old;
  if (!first) return ok(`the newest: ${firstOf(inWords(aged))}`);
  return warning(
    `the newest is old, so it may lack images in use: ${firstOf(inWords(old))}`,
    `renew it: ${USAGE_NAME} create NAME --base ${first.name}`,
    old.map(({ name }) => name),
  );
};

/** What runs have left that nobody works on. */
const checkLeftovers = async ({ cluster, signal, now, preloads }: Survey): Promise<Finding> => {
  const { namespace } = cluster;
  const runs = await listLeftRuns({ ...cluster, warn: () => {} }, { namespace }, signal);
  const ended = runs.filter(({ objects }) => !isKept(objects) && whyInUse(objects, now) === undefined);
  const names = ended.map(({ name }) => name);
  const failed = (await preloads()).filter(({ phase }) => phase === 'Failed').map(({ name }) => name);
  const items = [...new Set([...names, ...failed])].sort();
  if (items.length === 0) return ok('none of interrupted or failed runs');
  return warning(
    `runs that were interrupted or failed have left something: ${firstOf(items)}`,
    `continue with: ${USAGE_NAME} create NAME --resume; or remove it with: ${USAGE_NAME} delete --leftovers`,
    items,
  );
};
