import { TOOL } from '../../model/names.ts';
import { RIGHTS, type Right, type Rule, rulesFor } from '../../model/rights.ts';

/** Verbs that need rights. */
export const VERBS: readonly string[] = [...new Set(Object.keys(RIGHTS).map((use) => use.split(' ')[0] ?? ''))];

/** A Role and a ClusterRole that allow these verbs of preloads in `namespace`, and nothing else. */
export const rbacRecipe = (verbs: readonly string[], namespace: string): string => {
  const uses = Object.entries(RIGHTS).filter(([use]) => verbs.includes(use.split(' ')[0] ?? ''));
  const rights = uses.flatMap(([, each]) => each);
  return `# Lets a user run: ${verbs.map((verb) => `kubectl preload ${verb}`).join(', ')}
# To grant it to the user NAME:
#   kubectl create rolebinding ${TOOL} -n ${namespace} --role=${TOOL} --user=NAME
#   kubectl create clusterrolebinding ${TOOL} --clusterrole=${TOOL} --user=NAME
${[role('Role', rights, namespace), role('ClusterRole', rights)].filter(Boolean).join('\n---\n')}`;
};

/** Empty if it would allow nothing. */
const role = (kind: 'Role' | 'ClusterRole', rights: readonly Right[], namespace?: string): string => {
  const scope = kind === 'Role' ? 'namespace' : 'cluster';
  const rules = rulesFor(rights, scope);
  if (rules.length === 0) return '';
  const texts = rules.map((rule) =>
    ruleText(
      rule,
      rights.filter((right) => right.scope === scope),
    ),
  );
  return `apiVersion: rbac.authorization.k8s.io/v1
kind: ${kind}
metadata:
  name: ${TOOL}${namespace ? `\n  namespace: ${namespace}` : ''}
rules:
${texts.join('\n')}`;
};

const ruleText = (
  { apiGroups: [group = ''], resources: [resource = ''], verbs }: Rule,
  rights: readonly Right[],
): string => {
  const own = rights.filter((right) => right.group === group && right.resource === resource);
  const lines = [`  - apiGroups: ["${group}"]`, `    resources: [${resource}]`, `    verbs: [${verbs.join(', ')}]`];
  const effects = own.map(({ without }) => without);
  if (resource === 'secrets' && own.some(({ scope }) => scope === 'cluster')) {
    const reason =
      '  # to capture private images that the node does not have; allows to read all Secrets of the cluster:';
    return [reason, ...lines.map((line) => line.replace(/^ {2}/, '  # '))].join('\n');
  }
  const optional = effects.every(Boolean) ? [`  # optional; without it, ${[...new Set(effects)].join(', ')}:`] : [];
  return [...optional, ...lines].join('\n');
};
