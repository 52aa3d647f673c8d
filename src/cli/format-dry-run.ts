import { type KubernetesObject, objectName } from '../manifests/object.ts';
import { formatJson, formatYaml, type Output } from './output.ts';

/** Text of objects that would have been created. */
export const formatDryRun = (objects: readonly KubernetesObject[], output: Output): string => {
  if (output === 'json') return formatJson({ apiVersion: 'v1', kind: 'List', items: objects });
  if (output === 'yaml') return objects.map(formatYaml).join('\n---\n');
  const names = objects.map(objectName);
  return (output === 'name' ? names : names.map((name) => `${name} created (dry run)`)).join('\n');
};
