import type { Context } from '../../cli/context.ts';
import type { Cluster } from '../../cluster/connection.ts';
import type { MadeObjects } from '../../cluster/made-objects.ts';
import { setOwner } from '../../cluster/objects.ts';
import { encodeRecord } from '../../cluster/records.ts';
import { type KubernetesObject, objectName } from '../../manifests/object.ts';
import { recordConfigMap } from '../../manifests/snapshot.ts';
import { COMPONENT_LABEL } from '../../model/names.ts';
import type { PreloadRecord } from '../../model/record.ts';
import type { PreloadSettings } from '../../model/saved-run.ts';

/**
 * Creates the record of a sealed volume before its snapshot, so that nothing is lost if this run ends between the two. The
 * snapshot serves nodes without its record, so a failure is a warning.
 */
export const createRecord = async (
  settings: PreloadSettings,
  record: PreloadRecord,
  made: MadeObjects,
  { progress, signal }: Context,
): Promise<KubernetesObject | undefined> => {
  const object = recordConfigMap(settings, encodeRecord(record));
  try {
    return await made.create(object);
  } catch (error) {
    signal.throwIfAborted();
    progress.warn(withoutRecord(`could not create ${objectName(object)}`, (error as Error).message));
    return undefined;
  }
};

/** Makes the record part of the preload: it stays until `snapshot` is deleted. Nothing removes it any more if this fails. */
export const keepRecord = async (
  cluster: Cluster,
  record: KubernetesObject,
  snapshot: KubernetesObject,
  made: MadeObjects,
  { progress, signal }: Context,
): Promise<void> => {
  made.handOver(record);
  try {
    await setOwner(cluster, record, snapshot, { signal, labels: { [COMPONENT_LABEL]: 'record' } });
  } catch (error) {
    signal.throwIfAborted();
    progress.warn(withoutRecord(`could not label ${objectName(record)}`, (error as Error).message));
  }
};

export const withoutRecord = (what: string, why: string): string =>
  `${what}, so status will not list the images, and verify needs --without-record: ${why}`;
