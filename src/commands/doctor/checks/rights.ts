import { type Access, isAllowed } from '../../../cluster/rights.ts';
import { type Finding, firstOf, ok, warning } from '../../../model/finding.ts';
import { USAGE_NAME } from '../../../model/names.ts';
import { forEachParallel } from '../../../model/parallel.ts';
import { plural } from '../../../model/units.ts';
import type { Check } from '../check.ts';
import { CREATE_RIGHTS, type Right } from '../create-rights.ts';
import type { Survey } from '../survey.ts';

const AT_ONCE = 8;

export const RIGHTS_CHECKS: readonly Check[] = [
  {
    id: 'rights',
    title: 'Your rights',
    hint: `ask for a role with these rights; see: ${USAGE_NAME} recipe rbac`,
    check: async (survey) => {
      const missing = await missingRights(survey);
      const needed = missing.filter(({ without }) => !without);
      if (needed.length > 0) return { ...inWords(needed), status: 'problem' };
      const [first] = missing;
      if (!first) return ok(`all ${plural(CREATE_RIGHTS.length, 'right')} that create can use`);
      const { details, items } = inWords(missing);
      return warning(`${details}: ${first.without}`, 'create works, with less than it could do', items);
    },
  },
];

const missingRights = async ({ cluster, signal }: Survey): Promise<Right[]> => {
  const denied = new Set<Right>();
  await forEachParallel(CREATE_RIGHTS, AT_ONCE, async (right) => {
    if (!(await isAllowed(cluster, accessOf(right, cluster.namespace), signal))) denied.add(right);
  });
  return CREATE_RIGHTS.filter((right) => denied.has(right));
};

const accessOf = ({ verb, group, resource, isInNamespace }: Right, namespace: string): Access => ({
  ...{ verb, group, resource },
  ...(isInNamespace && { namespace }),
});

const inWords = (rights: readonly Right[]): Pick<Finding, 'details'> & { items: string[] } => {
  const items = rights.map(({ verb, resource, group }) => `${verb} ${group ? `${resource}.${group}` : resource}`);
  return { details: `not allowed to ${firstOf(rights.map(({ verb, resource }) => `${verb} ${resource}`))}`, items };
};
