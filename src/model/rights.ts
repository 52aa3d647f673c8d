import { SNAPSHOT_GROUP } from './names.ts';

// What each verb may need to be allowed to do, as the API server checks it. test/api/permissions.test.ts runs the verbs with
// exactly these rights, and without each of them.

/** A rule of a Role or ClusterRole. */
export interface Right {
  /** API group; empty for the core */
  group: string;
  /** such as `pods` or `pods/log` */
  resource: string;
  verbs: readonly string[];
  /** in the namespace of the preload, or in the whole cluster */
  scope: 'namespace' | 'cluster';
  /** what happens without it; undefined if the verb then fails */
  without?: string;
  /** without it, the verb does the same in another way, and so does not report that */
  isReplaceable?: true;
}

const GROUPS: Readonly<Record<string, string>> = {
  customresourcedefinitions: 'apiextensions.k8s.io',
  deployments: 'apps',
  replicasets: 'apps',
  statefulsets: 'apps',
  daemonsets: 'apps',
  cronjobs: 'batch',
  jobs: 'batch',
  csinodes: 'storage.k8s.io',
  priorityclasses: 'scheduling.k8s.io',
  storageclasses: 'storage.k8s.io',
  volumeattachments: 'storage.k8s.io',
  volumesnapshots: SNAPSHOT_GROUP,
  volumesnapshotclasses: SNAPSHOT_GROUP,
  volumesnapshotcontents: SNAPSHOT_GROUP,
};

const right =
  (scope: Right['scope']) =>
  (resource: string, verbs: string, without?: string): Right => ({
    ...{ group: GROUPS[resource] ?? '', resource, verbs: verbs.split(' '), scope },
    ...(without && { without }),
  });

const local = right('namespace');
const global = right('cluster');

/** Waits are quicker, and easier on the API server. */
const watch = (...resources: string[]): Right[] =>
  resources.map((resource) => ({
    ...local(resource, 'list watch', 'it asks once a second instead'),
    isReplaceable: true,
  }));

const SNAPSHOT_ID = global('volumesnapshotcontents', 'get', 'snapshot IDs are not shown');
const EVENTS = local('events', 'list', 'it cannot say why a pod or a volume is late');

/** What the deletion of a volume needs. */
const VOLUME = [
  global('persistentvolumes', 'get', 'it does not check that the disk is deleted'),
  global('persistentvolumes', 'patch', 'the disk stays if its storage class retains volumes'),
];

const LEFT = 'what it creates for its own use is left';

/** A pod with a volume, and what it is given. */
const POD = [
  local('configmaps', 'create'),
  local('configmaps', 'delete', LEFT),
  local('persistentvolumeclaims', 'get create'),
  local('persistentvolumeclaims', 'delete', LEFT),
  local('pods', 'get create'),
  local('pods', 'delete', LEFT),
  local('pods/log', 'get'),
  EVENTS,
  ...VOLUME,
];

const WORKLOADS = [
  ...['deployments', 'statefulsets', 'daemonsets', 'replicasets', 'cronjobs', 'jobs'].map((resource) =>
    global(resource, 'list', `images that only ${resource} use are not found`),
  ),
  global('customresourcedefinitions', 'list', 'images that only custom resources use are not found'),
];

const IMAGES_IN_USE = [global('pods', 'list'), ...WORKLOADS];

const PRELOADS = [local('volumesnapshots', 'list'), local('configmaps', 'list'), local('pods', 'list'), SNAPSHOT_ID];

/** Why a preload does not get on. */
const REASON = [
  ...['configmaps', 'persistentvolumeclaims', 'pods', 'volumesnapshots'].map((resource) =>
    local(resource, 'get', 'it cannot say why a preload does not start'),
  ),
  local('events', 'list', 'it cannot say why a preload does not start'),
  local('pods/log', 'get', 'it cannot say how far a capture is'),
].map((each): Right => ({ ...each, isReplaceable: true }));

const STATUS = [
  local('volumesnapshots', 'list'),
  local('configmaps', 'list'),
  SNAPSHOT_ID,
  { ...global('volumesnapshotcontents', 'list', 'it asks for each'), isReplaceable: true as const },
  ...IMAGES_IN_USE,
  global('nodes', 'list', 'pods count for every platform, and nodes are not counted'),
];

const OWN_RECORD = local('configmaps', 'patch', 'status does not list the images');

const CREATE = [
  ...POD,
  local('configmaps', 'get', LEFT),
  OWN_RECORD,
  local('serviceaccounts', 'get', 'the pull secrets of its default service account are not used'),
  local('volumesnapshots', 'get create'),
  SNAPSHOT_ID,
  global('nodes', 'list'),
  global('storageclasses', 'list'),
  global('volumesnapshotclasses', 'list'),
  ...watch('pods', 'persistentvolumeclaims', 'configmaps', 'volumesnapshots'),
];

const DELETE = [
  ...PRELOADS,
  local('volumesnapshots', 'get delete'),
  local('persistentvolumeclaims', 'list'),
  { ...local('volumesnapshots', 'watch', 'it asks once a second instead'), isReplaceable: true as const },
];

const UNKNOWN = 'it cannot check everything';

/** The report of doctor names what it may not see; what create may not do, is in its check of rights. */
const DOCTOR = [
  ...['configmaps', 'persistentvolumeclaims'].map((resource) => local(resource, 'create list', UNKNOWN)),
  ...['pods', 'volumesnapshots'].map((resource) => local(resource, 'create', UNKNOWN)), // dry runs
  ...['csinodes', 'nodes', 'pods', 'storageclasses', 'volumesnapshotclasses', 'volumesnapshots'].map((resource) =>
    global(resource, 'list', UNKNOWN),
  ),
  global('nodes/proxy', 'get', UNKNOWN),
  ...[...WORKLOADS, SNAPSHOT_ID, local('secrets', 'list', 'secrets that runs left are not found')].map(
    (each): Right => ({ ...each, isReplaceable: true }),
  ),
];

/** What is asked while somebody types: then nothing is reported. */
const COMPLETION = [
  local('persistentvolumeclaims', 'list'),
  local('volumesnapshots', 'list'),
  ...['namespaces', 'nodes', 'pods', 'priorityclasses', 'storageclasses', 'volumesnapshotclasses'].map((resource) =>
    global(resource, 'list'),
  ),
  ...WORKLOADS,
].map((each): Right => ({ ...each, without: 'their names are not completed', isReplaceable: true }));

const RECIPE = [
  ...PRELOADS.filter((each) => each !== SNAPSHOT_ID),
  local('volumesnapshots', 'get'),
  local('configmaps', 'get'),
  global('volumesnapshotcontents', 'get'),
  { ...global('nodes', 'get list', 'the recipe leaves the region to you'), isReplaceable: true as const },
];

/** By verb with a flag that needs more. */
export const RIGHTS: Readonly<Record<string, readonly Right[]>> = {
  'create NAME IMAGE...': CREATE,
  'create NAME': [...CREATE, ...IMAGES_IN_USE],
  'create with pull secrets': [
    ...CREATE,
    ...IMAGES_IN_USE,
    global('serviceaccounts', 'get', 'pull secrets of service accounts are not used'),
    global('secrets', 'get', 'pull secrets are not used'),
    local('secrets', 'create patch'),
    local('secrets', 'delete', LEFT),
  ],
  'create --resume': [...CREATE.filter((each) => each !== OWN_RECORD), local('configmaps', 'patch')],
  'create --base PREFIX-': [...CREATE, ...PRELOADS],
  'create --keep-last': [...CREATE, ...PRELOADS, local('volumesnapshots', 'delete', 'older preloads stay')],
  'create --retain': [...CREATE, global('volumesnapshotcontents', 'patch')],
  status: [...STATUS, ...REASON],
  'diff NAME OTHER': [...PRELOADS, local('volumesnapshots', 'get'), local('configmaps', 'get')],
  'diff NAME': [...STATUS, local('volumesnapshots', 'get'), local('configmaps', 'get')],
  images: [...IMAGES_IN_USE, global('nodes', 'list', 'sizes and nodes are unknown')],
  delete: DELETE,
  'delete --keep-snapshot': [
    ...DELETE.filter((each) => each !== SNAPSHOT_ID),
    global('volumesnapshotcontents', 'get patch'),
  ],
  'delete --leftovers': [
    local('configmaps', 'list delete'),
    local('persistentvolumeclaims', 'list get delete'),
    local('pods', 'list delete'),
    local('volumesnapshots', 'get'),
    local('secrets', 'list', 'secrets stay'),
    local('secrets', 'delete'),
    ...VOLUME,
  ],
  verify: [
    ...POD,
    local('configmaps', 'get'),
    local('volumesnapshots', 'get'),
    SNAPSHOT_ID,
    global('storageclasses', 'list'),
    ...watch('pods', 'persistentvolumeclaims', 'configmaps'),
  ],
  snapshot: [
    local('volumesnapshots', 'get create'),
    SNAPSHOT_ID,
    ...watch('volumesnapshots'),
    ...[
      local('persistentvolumeclaims', 'get', 'the snapshot controller checks the claim'),
      global('persistentvolumes', 'get', 'the snapshot controller checks the claim'),
      global('volumesnapshotclasses', 'list', 'the snapshot controller checks the class'),
    ].map((each): Right => ({ ...each, isReplaceable: true })),
  ],
  recipe: RECIPE,
  'recipe daemonset': [...RECIPE, global('storageclasses', 'list')],
  doctor: DOCTOR,
  export: IMAGES_IN_USE,
  completion: COMPLETION,
};

/** The rules for all of these rights together, without `scope`: one for each resource, sorted. */
export const rulesFor = (rights: readonly Right[], scope: Right['scope']): Rule[] => {
  const byResource = Map.groupBy(
    rights.filter((each) => each.scope === scope),
    ({ group, resource }) => `${resource}.${group}`,
  );
  return [...byResource]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, each]) => {
      const [first] = each;
      if (!first) return [];
      const verbs = [...new Set(each.flatMap((one) => one.verbs))].toSorted();
      return [{ apiGroups: [first.group], resources: [first.resource], verbs }];
    });
};

/** As in a Role. */
export interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}
