/** Any Kubernetes object, with the fields that this tool uses. */
export interface KubernetesObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    creationTimestamp?: string;
    deletionTimestamp?: string;
    ownerReferences?: OwnerReference[];
  };
  [field: string]: unknown;
}

interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
}

/** Limit of the data in a ConfigMap or Secret, in bytes before base64. */
export const MAX_DATA = 1024 * 1024;

/** Owner reference to this object: deleting it also deletes its dependents. */
export const ownerReference = ({ apiVersion, kind, metadata }: KubernetesObject): OwnerReference => ({
  apiVersion,
  kind,
  name: metadata.name,
  uid: metadata.uid ?? '',
});

/** What identifies an object in its namespace. */
export interface NamedObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
}

/** Name of an object as kubectl prints it: `pod/web`, `volumesnapshot.snapshot.storage.k8s.io/web`. */
export const objectName = ({ apiVersion, kind, metadata }: NamedObject): string => {
  const group = apiVersion.includes('/') ? `.${apiVersion.split('/')[0]}` : '';
  return `${kind.toLowerCase()}${group}/${metadata.name}`;
};
