/** The plugin's name; usage, labels, field manager and object names derive from it. */
export const PLUGIN = 'preload';
export const TOOL = `kubectl-${PLUGIN}`;
export const FIELD_MANAGER = TOOL;
export const USAGE_NAME = `kubectl ${PLUGIN}`;

export type Component = 'loader' | 'snapshot' | 'record' | 'verify';

/** Names of the objects that belong to the preload `name`; all live in one namespace. */
export const objectNames = (name: string) => ({
  configMap: `${PLUGIN}-${name}`,
  secret: `${PLUGIN}-${name}`,
  claim: `${PLUGIN}-${name}`,
  pod: `${PLUGIN}-${name}`,
  snapshot: name,
  record: `${PLUGIN}ed-${name}`,
  /** config map, claim and pod */
  verify: `${PLUGIN}-${name}-verify`,
});

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

/** Selects everything this tool made, of one preload when `name` is given. */
export const selector = (name?: string): string =>
  [`${APP}/name=${PLUGIN}`, `${APP}/managed-by=${TOOL}`, ...(name ? [`${INSTANCE_LABEL}=${name}`] : [])].join(',');

/** Selects what a run makes for its own use. */
export const ofComponent = (component: Component, name?: string): string =>
  `${selector(name)},${COMPONENT_LABEL}=${component}`;

/** Shell command that shows how far a preload is. */
export const statusCommand = (name: string, namespace: string): string =>
  `${USAGE_NAME} status ${name} -n ${namespace}`;

/** Shell command for what a run on preload `name` makes for its own use; the snapshot and its record stay. */
export const removeCommand = (name: string, namespace: string, component: Component = 'loader'): string =>
  `kubectl delete pod,pvc,configmap -n ${namespace} -l ${ofComponent(component, name)}`;

const MAX_LABEL = 63;
const MAX_NAME = MAX_LABEL - `${PLUGIN}--verify`.length; // the label value and the longest derived name must hold it

/** Why `name` cannot name a preload, or undefined when it can. */
export const nameProblem = (name: string): string | undefined => {
  if (name.length > MAX_NAME) return `must be at most ${MAX_NAME} characters`;
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name)) {
    return 'must consist of lower case letters, digits and "-", and start and end with a letter or digit';
  }
  return undefined;
};

/** Why `name` cannot name a snapshot of a claim, of which nothing but a label derives, or undefined when it can. */
export const snapshotNameProblem = (name: string): string | undefined => {
  if (name.length > MAX_LABEL) return `must be at most ${MAX_LABEL} characters`;
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name)) {
    return 'must consist of lower case letters, digits, "-" and ".", and start and end with a letter or digit';
  }
  return undefined;
};
