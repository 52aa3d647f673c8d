import { join } from 'node:path';
import { binaryFolder } from './components.ts';
import { ADMIN } from './control-plane/control-plane.ts';
import { kubeconfig } from './control-plane/kubeconfig.ts';
import { openRegistry, PRIVATE_PASSWORD, PRIVATE_USER, privateRegistry } from './registry.ts';
import { type Cluster, REPOSITORY } from './state.ts';

/** Shell lines that point kubectl, kubectl-preload and tests at the cluster. */
export const environment = async (cluster: Cluster): Promise<string> => {
  const kubectl = await binaryFolder({ module: 'kubernetes' });
  // kubectl-preload runs by the Node on PATH: the project's, not the machine's
  const path = [join(REPOSITORY, 'node_modules/.bin'), join(REPOSITORY, 'dist'), kubectl];
  const variables = {
    KUBECONFIG: kubeconfig(cluster.folder, ADMIN),
    REGISTRY: openRegistry(cluster),
    PRIVATE_REGISTRY: privateRegistry(cluster),
    PRIVATE_USER,
    PRIVATE_PASSWORD,
    KUBECTL_PRELOAD_IMAGE: `${openRegistry(cluster)}/sample/node:26`,
  };
  const lines = Object.entries(variables).map(([name, value]) => `export ${name}=${quote(value)}`);
  return [...lines, `export PATH=${path.map(quote).join(':')}:"$PATH"`].join('\n');
};

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
