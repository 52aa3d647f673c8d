import type { Rule } from '../model/rights.ts';
import type { KubernetesObject } from './object.ts';

/** What all objects of one recipe are called. */
export interface Identity {
  name: string;
  namespace: string;
  labels: Record<string, string>;
}

const RBAC = 'rbac.authorization.k8s.io';

/** A service account and its rights: in its namespace, and in the whole cluster. */
export const bindings = (
  identity: Identity,
  { local = [], cluster = [] }: { local?: Rule[]; cluster?: Rule[] },
): KubernetesObject[] => {
  const { name, namespace, labels } = identity;
  const global = { name: `${namespace}.${name}`, labels }; // one name in the whole cluster
  const subjects = [{ kind: 'ServiceAccount', name, namespace }];
  const rbac = (kind: string, metadata: KubernetesObject['metadata'], fields: object): KubernetesObject => ({
    ...{ apiVersion: `${RBAC}/v1`, kind, metadata },
    ...fields,
  });
  const roleRef = (kind: string, role: string) => ({ apiGroup: RBAC, kind, name: role });
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: identity },
    ...(local.length > 0
      ? [
          rbac('Role', identity, { rules: local }),
          rbac('RoleBinding', identity, { subjects, roleRef: roleRef('Role', name) }),
        ]
      : []),
    ...(cluster.length > 0
      ? [
          rbac('ClusterRole', global, { rules: cluster }),
          rbac('ClusterRoleBinding', global, { subjects, roleRef: roleRef('ClusterRole', global.name) }),
        ]
      : []),
  ];
};
