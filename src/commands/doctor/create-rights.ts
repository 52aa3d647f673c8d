import { SNAPSHOT_GROUP } from '../../model/names.ts';

/** Something that create does in the cluster. */
export interface Right {
  /** empty for core resources */
  group: string;
  /** `pods`, `pods/log` */
  resource: string;
  verbs: readonly string[];
  /** in the namespace of the preload, or in the whole cluster */
  scope: 'namespace' | 'cluster';
  /** what happens without it; undefined if create then fails */
  without?: string;
  /** without it, create does the same in another way */
  isReplaceable?: true;
}

const local = (group: string, resource: string, ...verbs: string[]): Right => ({
  ...{ group, resource, verbs, scope: 'namespace' },
});

const listed = (group: string, ...resources: string[]): Right[] =>
  resources.map((resource) => ({ group, resource, verbs: ['list'], scope: 'cluster' }));

const optional = (group: string, verb: string, without: string, ...resources: string[]): Right[] =>
  resources.map((resource) => ({ group, resource, verbs: [verb], scope: 'cluster', without }));

const WORKLOADS = 'images used only there are not captured';
const LOGINS = 'private images that the node does not have are not captured';

/** What create of all images in use needs, and what it can do without. */
export const CREATE_RIGHTS: readonly Right[] = [
  local('', 'pods', 'create', 'get', 'delete'),
  local('', 'pods/log', 'get'),
  local('', 'persistentvolumeclaims', 'create', 'get', 'delete'),
  local('', 'configmaps', 'create', 'get', 'patch', 'delete'),
  local(SNAPSHOT_GROUP, 'volumesnapshots', 'create', 'get'),
  ...listed('', 'nodes', 'pods'),
  ...listed('storage.k8s.io', 'storageclasses'),
  ...listed(SNAPSHOT_GROUP, 'volumesnapshotclasses'),
  ...optional('apps', 'list', WORKLOADS, 'deployments', 'statefulsets', 'daemonsets', 'replicasets'),
  ...optional('batch', 'list', WORKLOADS, 'cronjobs', 'jobs'),
  ...optional('', 'get', LOGINS, 'secrets', 'serviceaccounts'),
  ...optional(SNAPSHOT_GROUP, 'get', 'the SNAPSHOT-ID is unknown', 'volumesnapshotcontents'),
];
