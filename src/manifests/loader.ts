import { PreloadError } from '../model/errors.ts';
import { BASE_ANNOTATION, labels, objectNames, SNAPSHOT_GROUP } from '../model/names.ts';
import type { SharedLogins } from '../model/pull-secret.ts';
import type { PreloadSettings } from '../model/saved-run.ts';
import { type KubernetesObject, MAX_DATA } from './object.ts';
import { BUNDLE_KEY, type ConfigMap, vouchFor } from './run-bundle.ts';

/** The claim for the volume that the loader writes. */
export const volumeClaim = (settings: PreloadSettings, configMap: ConfigMap): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: {
    name: objectNames(settings.name).claim,
    namespace: settings.namespace,
    labels: labels(settings.name, 'loader', settings.version),
    annotations: vouchFor(configMap),
  },
  spec: {
    accessModes: ['ReadWriteOnce'],
    ...(settings.storageClass && { storageClassName: settings.storageClass }),
    ...(settings.base && {
      dataSource: { apiGroup: SNAPSHOT_GROUP, kind: 'VolumeSnapshot', name: settings.base },
    }),
    resources: { requests: { storage: settings.size } },
  },
});

export const REQUEST_KEY = 'request.json.gz';

export const RUN_KEY = 'run.json.gz';

/** What a run starts with; all gzipped. */
interface Inputs {
  bundle: Buffer;
  request: Buffer;
  /** only for another run that continues this one */
  run: Buffer;
}

/** Throws PreloadError if the inputs are too large. */
export const loaderConfigMap = (
  settings: Pick<PreloadSettings, 'name' | 'namespace' | 'version' | 'base'>,
  { bundle, request, run }: Inputs,
): ConfigMap => {
  if (bundle.length + request.length + run.length > MAX_DATA) {
    throw new PreloadError(
      'the image list is too long for one preload',
      'split it, or exclude some images with --exclude',
    );
  }
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: objectNames(settings.name).configMap,
      namespace: settings.namespace,
      labels: labels(settings.name, 'loader', settings.version),
      ...(settings.base && { annotations: { [BASE_ANNOTATION]: settings.base } }),
    },
    immutable: true,
    binaryData: Object.fromEntries(
      Object.entries({ [BUNDLE_KEY]: bundle, [REQUEST_KEY]: request, [RUN_KEY]: run }).map(([key, data]) => [
        key,
        data.toString('base64'),
      ]),
    ),
  };
};

type SecretSettings = Pick<PreloadSettings, 'name' | 'namespace' | 'version'>;

/** Contain the pull secrets for the loader: one Secret, or more if one cannot hold them all. */
export const loaderSecrets = (settings: SecretSettings, logins: readonly SharedLogins[]): KubernetesObject[] =>
  dividedByLimit(logins.map(secretEntry)).map((entries, index) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: `${objectNames(settings.name).secret}${index > 0 ? `.${index + 1}` : ''}`, // no preload's name has a dot
      namespace: settings.namespace,
      labels: labels(settings.name, 'loader', settings.version),
    },
    immutable: true,
    data: Object.fromEntries(entries.map(([key, value]) => [key, value.toString('base64')])),
  }));

type SecretEntry = [key: string, value: Buffer];

const MAX_KEY = 253;

/** The key is the path of the first secret: no two entries have the same. It cannot have a slash, a namespace no dot. */
const secretEntry = (logins: SharedLogins): SecretEntry => {
  const [first] = logins.secrets;
  return [`${first?.namespace}.${first?.name}`.slice(0, MAX_KEY), Buffer.from(JSON.stringify(logins))];
};

const dividedByLimit = (entries: readonly SecretEntry[]): SecretEntry[][] => {
  const parts: SecretEntry[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const [key, value] of entries) {
    const bytes = key.length + value.length;
    if (size + bytes > MAX_DATA) {
      parts.push([]);
      size = 0;
    }
    parts.at(-1)?.push([key, value]);
    size += bytes;
  }
  return parts;
};
