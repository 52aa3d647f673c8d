import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { type KubernetesObject, ownerReference } from '../../src/manifests/object.ts';
import { recordConfigMap } from '../../src/manifests/snapshot.ts';
import { COMPONENT_LABEL } from '../../src/model/names.ts';
import { type PreloadRecord, recordImages } from '../../src/model/record.ts';
import type { PreloadSettings } from '../../src/model/saved-run.ts';
import { capturedImage, digest, layer } from '../harness/captured-images.ts';
import { PLAIN_POD } from '../harness/pod-settings.ts';
import type { TestServer } from './api-server.ts';

export const settings = (name: string, namespace = 'default'): PreloadSettings => ({
  ...{
    name,
    namespace,
    version: '1.2.3',
    size: '1Gi',
    pod: PLAIN_POD,
    platform: 'linux/amd64',
    pullSecrets: [],
    deadline: 60,
  },
});

const images = [
  capturedImage({ names: ['r.io/a:1', `r.io/a@${digest('0')}`], layers: [layer('a', 1000), layer('b', 24)] }),
  capturedImage({ names: ['r.io/b:1'], digest: digest('9'), layers: [layer('a', 1000)] }),
];

export const record: PreloadRecord = {
  ...{ set: '0123456789ab', version: '1.2.3', created: '2026-11-24T12:00:00Z', platform: 'linux/amd64' },
  ...{ uuid: '0aa1-c3f2', checksum: digest('5'), contentsDigest: digest('6') },
  ...{
    layout: 'layers',
    node: 'worker',
    layers: 2,
    usedBytes: 3 * 1024 ** 3,
    ...recordImages(images),
    skipped: [],
  },
};

export const zipped = (content: object): Buffer => gzipSync(JSON.stringify(content));

/** The record of the snapshot `name`, which exists; `data` is what is in the record instead of gzipped JSON. */
export const recordOf = async (
  { get }: TestServer,
  name: string,
  namespace = 'default',
  data = zipped(record),
): Promise<KubernetesObject> => {
  const snapshot = (await get<KubernetesObject>(`volumesnapshot/${name}`, namespace)) ?? assert.fail(name);
  const { metadata, ...rest } = recordConfigMap(settings(name, namespace), data);
  const labels = { ...metadata.labels, [COMPONENT_LABEL]: 'record' };
  return { ...rest, metadata: { ...metadata, labels, ownerReferences: [ownerReference(snapshot)] } };
};
