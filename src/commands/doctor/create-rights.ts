import { SNAPSHOT_GROUP } from '../../model/names.ts';

/** Something that create does in the cluster. */
export interface Right {
  verb: string;
  /** empty for core resources */
  group: string;
  resource: string;
  /** only in the namespace of the preload */
  isInNamespace: boolean;
  /** what is missing without it; undefined if create fails without it */
  without?: string;
}

const own = (group: string, resource: string, verbs: string[]): Right[] =>
  verbs.map((verb) => ({ verb, group, resource, isInNamespace: true }));

const listed = (group: string, resource: string, without?: string): Right => ({
  ...{ verb: 'list', group, resource, isInNamespace: false },
  ...(without && { without }),
});

const UNLISTED = 'images used only there are not captured';
const NO_LOGINS = 'private images that the node does not have are not captured';

/** What create of all images in use needs, and what it can do without. */
export const CREATE_RIGHTS: readonly Right[] = [
  ...own('', 'pods', ['create', 'get', 'delete']),
  ...own('', 'pods/log', ['get']),
  ...own('', 'persistentvolumeclaims', ['create', 'get', 'delete']),
  ...own('', 'configmaps', ['create', 'get', 'patch', 'delete']),
  ...own(SNAPSHOT_GROUP, 'volumesnapshots', ['create', 'get']),
  listed('', 'nodes'),
  listed('', 'pods'),
  listed('storage.k8s.io', 'storageclasses'),
  listed(SNAPSHOT_GROUP, 'volumesnapshotclasses'),
  listed('apps', 'deployments', UNLISTED),
  listed('apps', 'statefulsets', UNLISTED),
  listed('apps', 'daemonsets', UNLISTED),
  listed('apps', 'replicasets', UNLISTED),
  listed('batch', 'cronjobs', UNLISTED),
  listed('batch', 'jobs', UNLISTED),
  { ...listed('', 'secrets', NO_LOGINS), verb: 'get' },
  { ...listed('', 'serviceaccounts', NO_LOGINS), verb: 'get' },
  { ...listed(SNAPSHOT_GROUP, 'volumesnapshotcontents', 'the SNAPSHOT-ID is unknown'), verb: 'get' },
];
