import { loaderConfigMap, loaderSecrets, volumeClaim } from '../../src/manifests/loader.ts';
import { loaderPod, planPod } from '../../src/manifests/loader-pod.ts';
import type { KubernetesObject } from '../../src/manifests/object.ts';
import { recordConfigMap } from '../../src/manifests/snapshot.ts';
import { verifyClaim, verifyConfigMap, verifyPod } from '../../src/manifests/verifier.ts';
import { DEADLINE_ANNOTATION } from '../../src/model/names.ts';
import { settings } from './records.ts';

const withDeadline = (deadline: string) => (object: KubernetesObject) => ({
  ...object,
  metadata: {
    ...object.metadata,
    annotations: { ...object.metadata.annotations, [DEADLINE_ANNOTATION]: deadline },
  },
});

export const PAST = '2026-01-01T00:00:00Z';
export const FUTURE = '2099-01-01T00:00:00Z';

/** Everything that a run of `create` makes for its own use; nothing runs its pods. */
export const loaderObjects = (name: string, deadline: string, namespace = 'default'): KubernetesObject[] => {
  const ofRun = settings(name, namespace);
  const configMap = loaderConfigMap(ofRun, { bundle: Buffer.of(), request: Buffer.of(), run: Buffer.of() });
  const logins = { secrets: [{ namespace, name: 'login' }], auths: {} };
  return [
    ...loaderSecrets(ofRun, [logins]),
    ...[configMap, planPod(ofRun, configMap), volumeClaim(ofRun, configMap), loaderPod(ofRun, configMap)],
    recordConfigMap(ofRun, Buffer.of()),
  ].map(withDeadline(deadline));
};

/** Everything that a run of `verify` makes. */
export const verifyObjects = (name: string, deadline: string): KubernetesObject[] => {
  const ofRun = { ...settings(name), storageClass: 'disk' };
  const configMap = verifyConfigMap(ofRun, Buffer.of());
  return [configMap, verifyClaim(ofRun), verifyPod(ofRun, configMap)].map(withDeadline(deadline));
};

/** `Kind/namespace/name`, as `server.objects()` has it. */
export const pathOf = ({ kind, metadata }: KubernetesObject): string =>
  `${kind}/${metadata.namespace}/${metadata.name}`;
