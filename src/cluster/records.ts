import { gzipSync } from 'node:zlib';
import { MAX_DATA } from '../manifests/object.ts';
import { RECORD_KEY } from '../manifests/snapshot.ts';
import { CONFIG_MAP, type ConfigMap } from '../model/cluster-objects.ts';
import { PreloadError } from '../model/errors.ts';
import { gunzipText } from '../model/gzip.ts';
import { objectNames } from '../model/names.ts';
import { parse, parseJson } from '../model/parse.ts';
import { PRELOAD_RECORD, type PreloadRecord } from '../model/record.ts';
import type { VolumeSnapshot } from '../model/storage-objects.ts';
import type { Cluster } from './connection.ts';
import { read } from './objects.ts';

/** Returns the record of `snapshot`. Throws PreloadError with `remedy` if it is missing, invalid or of another snapshot. */
export const readRecord = async (
  cluster: Cluster,
  snapshot: VolumeSnapshot,
  remedy: string,
  signal: AbortSignal,
): Promise<PreloadRecord> => {
  const { name, namespace = '' } = snapshot.metadata;
  const { record } = objectNames(name);
  const configMap = await read(cluster, 'ConfigMap', CONFIG_MAP, record, { namespace, signal });
  try {
    if (!configMap) throw new PreloadError('not found');
    return decodeRecord(configMap, snapshot);
  } catch (error) {
    const { message } = error as PreloadError;
    throw new PreloadError(`cannot use the record of preload "${name}", configmap/${record}: ${message}`, remedy);
  }
};

/**
 * Returns a record as gzipped JSON that fits into a ConfigMap: if it must be, without the layers, then without the images
 * that were skipped, and then with fewer of those on the volume.
 */
export const encodeRecord = (record: PreloadRecord): Buffer => {
  let kept = record;
  for (;;) {
    const data = gzipSync(JSON.stringify(kept), { level: 9 });
    if (data.length <= MAX_DATA || kept.images.length === 1) return data;
    kept = shrunk(kept);
  }
};

const shrunk = ({ distinctLayers, ...record }: PreloadRecord): PreloadRecord => {
  if (distinctLayers) return record;
  if (record.skipped.length > 0) return { ...record, skipped: [] };
  return { ...record, images: record.images.slice(0, Math.ceil(record.images.length / 2)), incomplete: true };
};

/** Throws PreloadError if `configMap` has no valid record, or does not belong to `snapshot`. */
export const decodeRecord = ({ metadata, binaryData }: ConfigMap, snapshot: VolumeSnapshot): PreloadRecord => {
  if (!metadata.ownerReferences.some(({ uid }) => uid === snapshot.metadata.uid)) {
    throw new PreloadError('belongs to another volume snapshot');
  }
  const data = binaryData?.[RECORD_KEY];
  if (data === undefined) throw new PreloadError(`has no ${RECORD_KEY}`);
  return parse(PRELOAD_RECORD, parseJson(gunzipText(Buffer.from(data, 'base64'))));
};
