import { formatYaml } from '../../cli/output.ts';
import type { KubernetesObject } from '../../manifests/object.ts';

/** Objects as text for kubectl; `notes` become comment lines at its head. */
export const manifestText = (notes: readonly string[], objects: readonly KubernetesObject[]): string => {
  const head = notes.map((line) => `# ${line}`.trimEnd()).join('\n');
  return `${head}\n${objects.map(formatYaml).join('\n---\n')}`;
};

/** kubectl's own record of what it applied, an annotation, has no room for the bundle. */
export const APPLY = 'kubectl apply --server-side -f -';
