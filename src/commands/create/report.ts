import { writeFile } from 'node:fs/promises';
import type { Context } from '../../cli/context.ts';
import { formatJson } from '../../cli/output.ts';
import type { Cluster } from '../../cluster/connection.ts';
import { lastLogLines } from '../../cluster/pod.ts';
import { serverVersion } from '../../cluster/rest.ts';
import { eventsAbout } from '../../cluster/warnings.ts';
import { type KubernetesObject, objectName } from '../../manifests/object.ts';
import type { PreloadError } from '../../model/errors.ts';
import { version } from '../../version.ts';
import type { Run } from '../pod-run.ts';
import type { CreatePlan } from './planned.ts';

const PATIENCE = 20_000; // milliseconds: a report must not hold up the clean-up for long

/** Writes what a maintainer needs to know about a run that failed to `file`. It contains no secrets. */
export const writeReport = async (
  file: string,
  failure: PreloadError,
  { cluster, plan, run }: { cluster: Cluster; plan: CreatePlan; run: Run },
  { progress, nodeVersion, platform }: Context,
): Promise<void> => {
  const signal = AbortSignal.timeout(PATIENCE);
  const objects = [...run.made.all(), ...(run.submitted ? [run.submitted] : [])];
  const pod = objects.find(({ kind }) => kind === 'Pod');
  const report = {
    error: { message: failure.message, hint: failure.hint },
    versions: {
      tool: version,
      node: nodeVersion,
      platform,
      server: await orWhy(serverVersion(cluster, signal)),
    },
    plan: { ...plan.settings, pod: plan.pod.spec },
    objects: await Promise.all(objects.map((object) => describe(cluster, object, signal))),
    log: pod ? await orWhy(lastLogLines(cluster, pod, signal)) : [],
  };
  try {
    await writeFile(file, `${formatJson(report)}\n`, { mode: 0o600 });
    progress.note(`Wrote ${file}. It names images, nodes and namespaces, but contains no secrets.`);
  } catch (error) {
    progress.warn(`cannot write the report: ${(error as Error).message}`);
  }
};

const describe = async (cluster: Cluster, object: KubernetesObject, signal: AbortSignal) => ({
  name: objectName(object),
  events: await orWhy(eventsAbout(cluster, object, signal)),
});

/** What was found, or why not: a report that lacks something is better than none. */
const orWhy = <T>(found: Promise<T>): Promise<T | string> => found.catch((error: Error) => error.message);
