import type { Check } from './check.ts';
import { KUBELET_CHECKS } from './checks/kubelets.ts';
import { LOADER_CHECKS } from './checks/loader.ts';
import { NODE_CHECKS } from './checks/nodes.ts';
import { PRELOAD_CHECKS } from './checks/preloads.ts';
import { PULL_CHECKS } from './checks/pulls.ts';
import { RIGHTS_CHECKS } from './checks/rights.ts';
import { SNAPSHOT_CHECKS } from './checks/snapshots.ts';
import { STORAGE_CHECKS } from './checks/storage.ts';

/** In the order of the report: first what create needs, then what new nodes need. */
export const CHECKS: readonly Check[] = [
  ...RIGHTS_CHECKS,
  ...SNAPSHOT_CHECKS,
  ...STORAGE_CHECKS,
  ...LOADER_CHECKS,
  ...NODE_CHECKS,
  ...KUBELET_CHECKS,
  ...PULL_CHECKS,
  ...PRELOAD_CHECKS,
];
