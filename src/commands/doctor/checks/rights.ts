import { isAllowed } from '../../../cluster/rights.ts';
import { ok, warning } from '../../../model/finding.ts';
import { USAGE_NAME } from '../../../model/names.ts';
import { forEachParallel } from '../../../model/parallel.ts';
import { RIGHTS, type Right } from '../../../model/rights.ts';
import { firstOf } from '../../../model/units.ts';
import type { Check } from '../check.ts';
import type { Survey } from '../survey.ts';

const AT_ONCE = 8;

const CREATE = RIGHTS['create with pull secrets'] ?? [];

export const RIGHTS_CHECKS: readonly Check[] = [
  {
    id: 'rights',
    title: 'Your rights',
    hint: `ask for a role with these rights; see: ${USAGE_NAME} recipe rbac`,
    check: async (survey) => {
      const missing = await missingRights(survey);
      const needed = missing.filter(({ without }) => !without);
      if (needed.length > 0) return { status: 'problem', details: inWords(needed), items: needed.map(inFull) };
      const [first] = missing;
      if (!first) return ok('all that create can use');
      const hint = `create works, but does less than it could; see: ${USAGE_NAME} recipe rbac`;
      return warning(`${inWords(missing)}: ${first.without}`, hint, missing.map(inFull));
    },
  },
];

/** A right to do one thing. */
interface Single extends Omit<Right, 'verbs'> {
  verb: string;
}

const missingRights = async ({ cluster, signal }: Survey): Promise<Single[]> => {
  const all = CREATE.filter(({ isReplaceable }) => !isReplaceable).flatMap(({ verbs, ...rest }) =>
    verbs.map((verb): Single => ({ ...rest, verb })),
  );
  const denied = new Set<Single>();
  await forEachParallel(all, AT_ONCE, async (right) => {
    const { verb, group, resource, scope } = right;
    const place = scope === 'namespace' && { namespace: cluster.namespace };
    if (!(await isAllowed(cluster, { verb, group, resource, ...place }, signal))) denied.add(right);
  });
  const isSecret = ({ resource }: Single) => resource === 'secrets';
  // create makes a Secret only from those that it reads
  const readsNone = denied.values().some((right) => isSecret(right) && right.scope === 'cluster');
  return all.filter((right) => denied.has(right) && !(readsNone && isSecret(right) && right.scope === 'namespace'));
};

const inFull = ({ verb, resource, group }: Single): string => `${verb} ${group ? `${resource}.${group}` : resource}`;

const inWords = (rights: readonly Single[]): string =>
  `not allowed to ${firstOf(rights.map(({ verb, resource }) => `${verb} ${resource}`))}`;
