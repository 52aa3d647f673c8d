/** The plugin's name; usage, labels, field manager and object names are derived from it. */
export const PLUGIN = 'preload';
export const TOOL = `kubectl-${PLUGIN}`;
export const FIELD_MANAGER = TOOL;
export const SNAPSHOT_GROUP = 'snapshot.storage.k8s.io';
export const USAGE_NAME = `kubectl ${PLUGIN}`;

/** The environment variable that is the default of a flag: `KUBECTL_PRELOAD_STORAGE_CLASS`. */
export const flagVariable = (flag: string): string => `${TOOL}-${flag}`.replaceAll('-', '_').toUpperCase();

/** Container that does the work in the pod of a loader or a verifier. */
export const CONTAINER = 'loader';

export type Component = 'loader' | 'snapshot' | 'record' | 'verify' | 'fill' | 'renewal';

/** Names of the objects of preload `name`; all are in the same namespace. */
export const objectNames = (name: string) => ({
  configMap: `${PLUGIN}-${name}`,
  secret: `${PLUGIN}-${name}`,
  claim: `${PLUGIN}-${name}`,
  pod: `${PLUGIN}-${name}`,
  planPod: `${PLUGIN}-${name}-plan`,
  snapshot: name,
  record: `${PLUGIN}ed-${name}`,
  /** config map, claim and pod */
  verify: `${PLUGIN}-${name}-verify`,
  /** of `recipe daemonset`, all objects */
  fill: `${PLUGIN}-${name}-fill`,
  /** of `recipe cronjob`, all objects */
  renewal: `${PLUGIN}-${name}-renew`,
});

/** Annotation with the ID of the run that created the object. */
export const RUN_ANNOTATION = `${PLUGIN}.run`;
/**
 * Annotation with the time (RFC 3339) by which the run that created the object has ended, or `never` if that run keeps what
 * it creates.
 */
export const DEADLINE_ANNOTATION = `${PLUGIN}.deadline`;
export const NEVER = 'never';
/** Annotation with the checksum of the config map that the object was made for. */
export const INPUTS_ANNOTATION = `${PLUGIN}.inputs`;
/** Annotation of a run's config map with the name of the older snapshot that it starts from. */
export const BASE_ANNOTATION = `${PLUGIN}.base`;

const APP = 'app.kubernetes.io';
export const INSTANCE_LABEL = `${APP}/instance`;
export const COMPONENT_LABEL = `${APP}/component`;

export const labels = (name: string, component: Component, version: string): Record<string, string> => ({
  [`${APP}/name`]: PLUGIN,
  [INSTANCE_LABEL]: name,
  [COMPONENT_LABEL]: component,
  [`${APP}/managed-by`]: TOOL,
  [`${APP}/version`]: version,
});

/** The labels by which everything created by this tool is found; with `name`, only for that preload. */
export const selectorLabels = (name?: string): Record<string, string> => ({
  [`${APP}/name`]: PLUGIN,
  [`${APP}/managed-by`]: TOOL,
  ...(name && { [INSTANCE_LABEL]: name }),
});

export const selector = (name?: string): string =>
  Object.entries(selectorLabels(name))
    .map(([label, value]) => `${label}=${value}`)
    .join(',');

/** Selects the objects of one component. */
export const ofComponent = (component: Component, name?: string): string =>
  `${selector(name)},${COMPONENT_LABEL}=${component}`;

/** Shell command that shows the status of a preload. */
export const statusCommand = (name: string, namespace: string): string =>
  `${USAGE_NAME} status ${name} -n ${namespace}`;

/** Shell command that continues an interrupted run. */
export const resumeCommand = (name: string, namespace: string): string =>
  `${USAGE_NAME} create ${name} -n ${namespace} --resume`;

/** Shell command that deletes the temporary objects of preload `name`, not the snapshot and its record. */
export const removeCommand = (name: string, namespace: string, component: Component = 'loader'): string =>
  `kubectl delete pod,pvc,configmap,secret -n ${namespace} -l ${ofComponent(component, name)}`;

const MAX_LABEL = 63;
/** Of a preload, in characters. */
export const MAX_NAME = MAX_LABEL - `${PLUGIN}--verify`.length; // must fit into a label value and the longest derived name

/** Why `name` is not valid for a preload, or undefined if it is. */
export const nameProblem = (name: string): string | undefined => {
  if (name.length > MAX_NAME) return `must be at most ${MAX_NAME} characters`;
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name)) {
    return 'must consist of lower case letters, digits and "-", and start and end with a letter or digit';
  }
  return undefined;
};

/**
 * Why `name` is not valid for a snapshot of a claim, or undefined if it is. It may be longer than a preload's: no other
 * object's name contains it.
 */
export const snapshotNameProblem = (name: string): string | undefined => {
  if (name.length > MAX_LABEL) return `must be at most ${MAX_LABEL} characters`;
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name)) {
    return 'must consist of lower case letters, digits, "-" and ".", and start and end with a letter or digit';
  }
  return undefined;
};
