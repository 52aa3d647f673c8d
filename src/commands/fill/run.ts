import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../../cli/context.ts';
import { connect } from '../../cluster/connection.ts';
import { markFilled } from '../../cluster/filled-nodes.ts';
import { Interrupted } from '../../model/errors.ts';
import { LONGEST } from '../../model/units.ts';
import { copyImages } from '../../node/copy-images.ts';
import type { FillOptions } from './command.ts';

/** Copies the images of a mounted volume into the node's containerd, and lets pods come to the node. */
export const runFill = async (options: FillOptions, context: Context): Promise<void> => {
  const { env, progress, signal } = context;
  const { node, set } = options;
  await copyImages(options, env);
  const cluster = await connect(options, env, progress.warn);
  await markFilled(cluster, node, set, signal);
  progress.done(`Node ${node} has the images of set ${set}`);
  await untilStopped(signal);
};

/** The DaemonSet ends the pod, because the node now has the label. Without waiting, the pod would start again. */
const untilStopped = (signal: AbortSignal): Promise<void> =>
  sleep(LONGEST, undefined, { signal }).catch((error: unknown) => {
    if (!((error as { cause?: unknown }).cause instanceof Interrupted)) throw error;
  });
