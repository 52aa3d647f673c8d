import { servedVersions } from '../../../cluster/api-groups.ts';
import { list } from '../../../cluster/lists.ts';
import { type Finding, ok, problem, warning } from '../../../model/finding.ts';
import { printImage } from '../../../model/image-reference.ts';
import { SNAPSHOT_GROUP } from '../../../model/names.ts';
import { imagesOf } from '../../../model/pod-images.ts';
import { VOLUME_SNAPSHOT, type VolumeSnapshot } from '../../../model/storage-objects.ts';
import { firstOf, formatAge, plural } from '../../../model/units.ts';
import type { Check } from '../check.ts';
import type { Survey } from '../survey.ts';

const INSTALL = 'install the CRDs and the controller of external-snapshotter';

export const SNAPSHOT_CHECKS: readonly Check[] = [
  { id: 'snapshot-api', title: 'Snapshot API', hint: INSTALL, check: (survey) => checkApi(survey) },
  { id: 'snapshot-controller', title: 'Snapshot controller', check: (survey) => checkController(survey) },
];

const hasSnapshots = async ({ cluster, signal }: Survey): Promise<boolean> =>
  (await servedVersions(cluster, SNAPSHOT_GROUP, signal)).includes('v1');

const checkApi = async ({ cluster, signal }: Survey): Promise<Finding> => {
  const versions = await servedVersions(cluster, SNAPSHOT_GROUP, signal);
  if (versions.includes('v1')) return ok(`${SNAPSHOT_GROUP}/v1`);
  if (versions.length === 0) return problem(`the cluster does not have ${SNAPSHOT_GROUP}`);
  return problem(`${SNAPSHOT_GROUP} has only ${versions.join(', ')}, create needs v1`);
};

const PATIENCE = 5 * 60_000; // milliseconds after which a controller has seen a snapshot

const checkController = async (survey: Survey): Promise<Finding | undefined> => {
  if (!(await hasSnapshots(survey))) return undefined;
  const { cluster, signal, now } = survey;
  const snapshots = await Array.fromAsync(list(cluster, 'VolumeSnapshot', VOLUME_SNAPSHOT, { signal }));
  return controllerFinding(snapshots, await runningController(survey), now);
};

/** Some clouds hide the controller, so what it has done counts, too; `running` is what runs it. */
export const controllerFinding = (
  snapshots: readonly VolumeSnapshot[],
  running: string | undefined,
  now: number,
): Finding => {
  const created = ({ metadata }: VolumeSnapshot) => Date.parse(metadata.creationTimestamp ?? '');
  const seen = snapshots.filter(({ status }) => status);
  const lastSeen = Math.max(0, ...seen.map(created));
  const ignored = snapshots.find((each) => !each.status && created(each) > lastSeen && now - created(each) > PATIENCE);
  if (ignored) {
    const { name, namespace } = ignored.metadata;
    return problem(
      `volumesnapshot/${name} in namespace ${namespace} has waited for a controller for ${formatAge(now - created(ignored))}`,
      running ? `see the log of ${running}` : `start the snapshot controller, or ${INSTALL}`,
    );
  }
  if (running) return ok(running);
  if (seen.length > 0) return ok(`not visible, but it has seen ${plural(seen.length, 'snapshot')}`);
  return warning(
    'none is visible, and there is no snapshot that it has seen',
    `if your provider does not run one for you, ${INSTALL}`,
  );
};

const CONTROLLER = /\bsnapshot-controller\b/;

/** What runs an image of that name; also as a part of other pods. */
const runningController = async ({ podUsers }: Survey): Promise<string | undefined> => {
  const found = (await podUsers()).filter(({ isOwned, pod }) => {
    const names = [...imagesOf(pod).images.values()].map(printImage);
    return !isOwned && names.some((name) => CONTROLLER.test(name));
  });
  const names = found.map(({ user: { kind, namespace, name } }) => `${kind}/${namespace}/${name}`);
  return names.length > 0 ? firstOf(names) : undefined;
};
