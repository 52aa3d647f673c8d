import type { Context } from '../../cli/context.ts';
import { connect } from '../../cluster/connection.ts';
import { storageClassFor } from '../../cluster/preflight.ts';
import { fillObjects } from '../../manifests/fill.ts';
import { UsageError } from '../../model/errors.ts';
import { filledLabel, STARTUP_TAINT } from '../../model/fill.ts';
import { objectNames } from '../../model/names.ts';
import { roundUpToGibibytes } from '../../model/units.ts';
import { version } from '../../version.ts';
import { gzippedBundle } from '../bundle.ts';
import { APPLY, manifestText } from './apply.ts';
import type { RecipeOptions } from './command.ts';
import { readDisk } from './node-recipe.ts';

const SMALLEST_CLONE = 1024 ** 3;

/** Text of `recipe daemonset`: a DaemonSet that copies the images to the nodes of the cluster. */
export const daemonSetText = async (options: RecipeOptions, context: Context): Promise<string> => {
  const { env, progress, signal, script } = context;
  if (options.NAME === undefined) throw new UsageError('exactly one NAME is required, got 0');
  const cluster = await connect(options, env, progress.warn);
  const disk = await readDisk(cluster, options.NAME, signal);
  const storageClass = await storageClassFor(cluster, disk.driver, options.storageClass, signal);
  const size = roundUpToGibibytes(Math.max(SMALLEST_CLONE, disk.size));
  const settings = { disk, version, size, storageClass, image: options.image };
  const { name, namespace, platform, set } = disk;
  const label = filledLabel(set);
  const { fill } = objectNames(name);
  const global = `${namespace}.${fill}`;
  const notes = [
    `Copies the images of preload ${name} to all ${platform} nodes, also to those that join later.`,
    `Apply it with: ${APPLY}`,
    '',
    `Each node gets a disk of ${size} from the snapshot until its images are copied, and needs`,
    'space for them on its own disk. All nodes start at once.',
    `New nodes should join with the taint ${STARTUP_TAINT}:NoSchedule (kubelet:`,
    `--register-with-taints=${STARTUP_TAINT}=:NoSchedule); it is removed when the images are there.`,
    `Nodes that have them:   kubectl get nodes -l ${label}`,
    `Pods that are not done: kubectl get pods -n ${namespace} -l app.kubernetes.io/component=fill`,
    `To leave out a node:    kubectl label node NODE ${label}=done`,
    '',
    'The pods are privileged; the namespace must allow that. Their service account may change',
    'every node, because RBAC cannot limit it to its own. To remove all this:',
    `  kubectl delete daemonset,configmap,serviceaccount -n ${namespace} ${fill}`,
    `  kubectl delete clusterrolebinding,clusterrole ${global}`,
  ];
  return manifestText(notes, fillObjects(settings, await gzippedBundle(script)));
};
