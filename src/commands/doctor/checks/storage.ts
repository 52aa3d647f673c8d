import { list } from '../../../cluster/lists.ts';
import { checkStorage, DEFAULT_STORAGE } from '../../../cluster/preflight.ts';
import { isAllowed } from '../../../cluster/rights.ts';
import { chooseOne, DEFAULT_SNAPSHOTS, isDefault, isNamed } from '../../../cluster/snapshot-classes.ts';
import { type Finding, ok, problem, warning } from '../../../model/finding.ts';
import { CSI_NODE, type SnapshotClass, STORAGE_CLASS } from '../../../model/storage-objects.ts';
import { plural } from '../../../model/units.ts';
import type { Check } from '../check.ts';
import type { Survey } from '../survey.ts';

export const STORAGE_CHECKS: readonly Check[] = [
  { id: 'storage-class', title: 'Storage class', check: (survey) => checkStorageClass(survey) },
  { id: 'snapshot-class', title: 'Snapshot class', check: (survey) => checkSnapshotClass(survey) },
  { id: 'csi-driver', title: 'CSI driver', check: (survey) => checkDriver(survey) },
  { id: 'volume-settings', title: 'Volume settings', check: (survey) => checkVolumeSettings(survey) },
  { id: 'snapshot-settings', title: 'Snapshot settings', check: (survey) => checkSnapshotSettings(survey) },
];

const SHARED =
  /nfs|cephfs|smb|efs\.csi|fsx|azurefile|file\.csi\.azure|filestore|juicefs|gcsfuse|s3\.csi|blob\.csi|glusterfs|lustre/i;
const BLOCK_VOLUMES = 'use --storage-class with a class of block volumes';

const checkStorageClass = async ({ cluster, options, signal, storageClass }: Survey): Promise<Finding> => {
  const { metadata, provisioner } = await storageClass();
  const name = `${metadata.name} (${provisioner})`;
  if (provisioner === 'kubernetes.io/no-provisioner') {
    return problem(`storage class "${metadata.name}" does not create volumes`, BLOCK_VOLUMES);
  }
  if (SHARED.test(provisioner)) {
    return problem(`${name} shares files, but layers need a block volume`, BLOCK_VOLUMES);
  }
  if (options.storageClass) return ok(name);
  const classes = await Array.fromAsync(list(cluster, 'StorageClass', STORAGE_CLASS, { signal }));
  const defaults = classes.filter(isDefault(DEFAULT_STORAGE));
  if (defaults.length < 2) return ok(name);
  const hint = chooseOne('--storage-class', defaults);
  return warning(`${defaults.length} are default; Kubernetes uses the newest of them`, hint);
};

const checkSnapshotClass = async (survey: Survey): Promise<Finding | undefined> => {
  const { cluster, options, signal } = survey;
  const chosen = await candidates(survey);
  if (!chosen) return undefined;
  await checkStorage(cluster, options, signal);
  if (chosen.length < 2) return ok(chosen.map(({ metadata }) => metadata.name).join());
  return problem(
    `${chosen.length} snapshot classes are default for the same driver, so the snapshot would fail`,
    chooseOne('--snapshot-class', chosen),
  );
};

/** The snapshot class, or several if the choice is not clear; undefined if another check says what is wrong. */
const candidates = async ({ options, storageClass, snapshotClasses }: Survey): Promise<SnapshotClass[] | undefined> => {
  const found = await storageClass().catch((): undefined => undefined);
  if (!found) return undefined;
  const classes = await snapshotClasses();
  const { snapshotClass } = options;
  const fitting = classes.filter(({ driver }) => driver === found.provisioner);
  return snapshotClass ? fitting.filter(isNamed(snapshotClass)) : fitting.filter(isDefault(DEFAULT_SNAPSHOTS));
};

const checkDriver = async ({ cluster, signal, storageClass }: Survey): Promise<Finding | undefined> => {
  const found = await storageClass().catch((): undefined => undefined);
  if (!found) return undefined;
  const { provisioner } = found;
  let nodes = 0;
  let running = 0;
  for await (const { spec } of list(cluster, 'CSINode', CSI_NODE, { signal })) {
    nodes += 1;
    if (spec.drivers.some(({ name }) => name === provisioner)) running += 1;
  }
  if (nodes === 0) return undefined; // the check of nodes says so
  if (running > 0) return ok(`${provisioner} runs on ${running} of ${plural(nodes, 'node')}`);
  return problem(
    `no node runs ${provisioner}, so no pod can use its volumes`,
    `start the driver's pods on the nodes; see: kubectl get csinodes`,
  );
};

const ZONE = 'topology.kubernetes.io/zone';

const checkVolumeSettings = async (survey: Survey): Promise<Finding | undefined> => {
  const found = await survey.storageClass().catch((): undefined => undefined);
  if (!found) return undefined;
  const { parameters, reclaimPolicy, volumeBindingMode, metadata } = found;
  if (Object.keys(parameters).some((key) => key.toLowerCase() === 'volumeinitializationrate')) {
    return problem(
      `volumeInitializationRate in storage class "${metadata.name}" makes blank volumes fail`,
      "use another --storage-class; set the rate where new nodes' disks are defined",
    );
  }
  if (volumeBindingMode === 'Immediate' || !volumeBindingMode) {
    const nodes = await survey.nodes().catch(() => []);
    const zones = new Set(nodes.flatMap((node) => node.metadata.labels?.[ZONE] ?? []));
    if (zones.size > 1) {
      return warning(
        `volumes are created in any of ${zones.size} zones, before the loader has a node`,
        `use a class with volumeBindingMode WaitForFirstConsumer, so that the loader can run on the node with most images`,
      );
    }
  }
  if (reclaimPolicy === 'Retain' && !(await mayChangeVolumes(survey))) {
    return warning(
      `storage class "${metadata.name}" retains volumes, and you may not patch persistentvolumes`,
      'use a class with reclaimPolicy Delete; else every create leaves a disk behind',
    );
  }
  return ok([volumeBindingMode, reclaimPolicy].filter(Boolean).join(', ') || 'nothing unusual');
};

const mayChangeVolumes = ({ cluster, signal }: Survey): Promise<boolean> =>
  isAllowed(cluster, { verb: 'patch', group: '', resource: 'persistentvolumes' }, signal);

const checkSnapshotSettings = async (survey: Survey): Promise<Finding | undefined> => {
  const [chosen, ...others] = (await candidates(survey).catch(() => undefined)) ?? [];
  if (!chosen || others.length > 0) return undefined;
  const { metadata, deletionPolicy, parameters } = chosen;
  const fast = Object.keys(parameters).filter((key) => /^fastSnapshotRestore/i.test(key));
  if (fast.length > 0) {
    return warning(
      `fast snapshot restore is on in "${metadata.name}": it costs for every snapshot, zone and hour`,
      'use a --snapshot-class without it, or delete old preloads soon',
    );
  }
  if (deletionPolicy === 'Delete') {
    return warning(
      `"${metadata.name}" deletes the storage's snapshot together with the VolumeSnapshot`,
      'create with --retain, or use a --snapshot-class with deletionPolicy Retain, if nodes must not lose it',
    );
  }
  return ok(deletionPolicy ?? 'nothing unusual');
};
