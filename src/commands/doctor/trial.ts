import { loaderConfigMap } from '../../manifests/loader.ts';
import type { KubernetesObject } from '../../manifests/object.ts';
import { recordConfigMap } from '../../manifests/snapshot.ts';
import type { PreloadSettings } from '../../model/saved-run.ts';
import { version } from '../../version.ts';
import { loaderDeadline } from '../create/plan.ts';
import { plannedObjects } from '../create/planned.ts';
import { podSettings } from '../pod-flags.ts';
import type { Survey } from './survey.ts';

const CREATE_TIMEOUT = 30 * 60_000; // milliseconds
const SIZE = '2Gi';

interface Trial {
  pod: KubernetesObject;
  claim: KubernetesObject;
  /** config maps and the snapshot */
  others: KubernetesObject[];
}

/** Objects as create would make them, for dry runs only. */
export const trialObjects = async ({ cluster, options, nodes }: Survey): Promise<Trial> => {
  const [node] = await nodes().catch(() => []);
  const settings: PreloadSettings = {
    name: `doctor-${cluster.run.slice(0, 8)}`,
    namespace: cluster.namespace,
    version,
    size: SIZE,
    pod: podSettings(options),
    platform: options.platform ?? `linux/${node?.status.nodeInfo.architecture ?? 'amd64'}`,
    deadline: loaderDeadline(CREATE_TIMEOUT),
    pullSecrets: [],
    ...(options.storageClass && { storageClass: options.storageClass }),
    ...(options.snapshotClass && { snapshotClass: options.snapshotClass }),
    ...(options.node && { node: options.node }),
  };
  const nothing = Buffer.of();
  const configMap = loaderConfigMap(settings, { bundle: nothing, request: nothing, run: nothing });
  const run = {
    settings,
    base: { size: 0, used: 0 },
    volume: 'chosen' as const,
    logins: [],
    skipped: [],
    exclude: [],
    keep: false,
  };
  const { pod, claim, snapshot } = plannedObjects(run, configMap, []);
  return { pod, claim, others: [configMap, snapshot, recordConfigMap(settings, nothing)] };
};
