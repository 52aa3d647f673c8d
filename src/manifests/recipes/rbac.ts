import { TOOL } from '../../model/names.ts';
import { RIGHTS, type Right, type Rule, rulesFor } from '../../model/rights.ts';

/** The verb of a use, with its flag if it has one: `create --base` of `create --base PREFIX-`. */
const grantOf = (use: string): string => use.match(/^\w+( --[a-z-]+)?/)?.[0] ?? '';

/** What can be allowed: verbs, and verbs with a flag that needs more. */
export const GRANTS: readonly string[] = [...new Set(Object.keys(RIGHTS).map(grantOf))];

/** Verbs alone: with some flags, a user may also delete, or change what belongs to others. */
export const VERBS: readonly string[] = GRANTS.filter((grant) => !grant.includes(' '));

/** A Role and a ClusterRole that allow these of GRANTS for preloads in `namespace`, and nothing else. */
export const rbacRecipe = (grants: readonly string[], namespace: string): string => {
  const uses = Object.entries(RIGHTS).filter(([use]) => grants.includes(grantOf(use)));
  const rights = uses.flatMap(([, each]) => each);
  return `# Lets a user run: ${grants.map((grant) => `kubectl preload ${grant}`).join(', ')}
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

/** Rights in the whole cluster that nobody should get without a thought, so that they are printed as comments. */
const DANGERS: Readonly<Record<string, string>> = {
  secrets: 'to capture private images that the node does not have; allows to read all Secrets of the cluster',
  'nodes/proxy': 'to check how kubelets are configured; allows to run commands in all pods of the cluster',
};

const ruleText = (
  { apiGroups: [group = ''], resources: [resource = ''], verbs }: Rule,
  rights: readonly Right[],
): string => {
  const own = rights.filter((right) => right.group === group && right.resource === resource);
  const lines = [`  - apiGroups: ["${group}"]`, `    resources: [${resource}]`, `    verbs: [${verbs.join(', ')}]`];
  const effects = own.map(({ without }) => without);
  const danger = own.some(({ scope }) => scope === 'cluster') && DANGERS[resource];
  if (danger) return [`  # ${danger}:`, ...lines.map((line) => line.replace(/^ {2}/, '  # '))].join('\n');
  const optional = effects.every(Boolean) ? [`  # optional; without it, ${[...new Set(effects)].join(', ')}:`] : [];
  return [...optional, ...lines].join('\n');
};
