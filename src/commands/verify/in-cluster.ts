import type { Context } from '../../cli/context.ts';
import { type Cluster, connect } from '../../cluster/connection.ts';
import { findPreload } from '../../cluster/find-preload.ts';
import { createLoader, endedEarly, loaderEvents, podStarted } from '../../cluster/pod.ts';
import { checkAllowed, checkPullSecrets, storageClassFor } from '../../cluster/preflight.ts';
import { readRecord } from '../../cluster/records.ts';
import { readySnapshot, restoreSize, snapshotHandle } from '../../cluster/snapshots.ts';
import { deleteWithClaim } from '../../cluster/volumes.ts';
import { UNTIL_DEADLINE } from '../../cluster/weather.ts';
import type { KubernetesObject } from '../../manifests/object.ts';
import type { ConfigMap } from '../../manifests/run-bundle.ts';
import { type VerifySettings, verifyClaim, verifyConfigMap, verifyPod } from '../../manifests/verifier.ts';
import { PreloadError } from '../../model/errors.ts';
import { isPrefix } from '../../model/generations.ts';
import { objectNames, removeCommand } from '../../model/names.ts';
import { VERIFIER_TERMS } from '../../model/pod-state.ts';
import type { VolumeSnapshot } from '../../model/storage-objects.ts';
import { roundUpToGibibytes } from '../../model/units.ts';
import type { Verification } from '../../model/verification.ts';
import { version } from '../../version.ts';
import { gzippedBundle } from '../bundle.ts';
import { endOfRun, withDeadline } from '../deadline.ts';
import { podSettings } from '../pod-flags.ts';
import { inRun } from '../pod-run.ts';
import { waitStep } from '../step.ts';
import type { VerifyOptions } from './command.ts';
import { concludeVerify, describeVerifying, endVerifying } from './report.ts';

const SMALLEST_CLONE = 1024 ** 3;

type Options = VerifyOptions & { NAME: string };

/** Checks a clone of the snapshot in a pod, which is removed whatever happens. Throws if anything is wrong. */
export const verifyInCluster = (options: Options, context: Context): Promise<void> =>
  withDeadline(options.timeout, context, async (limited) => {
    const { env, signal, progress, now, script } = limited;
    const started = now();
    const lasting = { patience: UNTIL_DEADLINE, deadline: endOfRun(options.timeout, started) };
    const cluster = await connect({ ...options, ...lasting }, env, progress.warn);
    const { namespace } = cluster;
    const name = isPrefix(options.NAME)
      ? (await findPreload(cluster, options.NAME, undefined, signal)).name
      : options.NAME;
    const snapshot = await readySnapshot(cluster, name, 'use verify with a preload that is ready', signal);
    const checksum = options.withoutRecord ? undefined : await recordedChecksum(cluster, snapshot, signal);
    const handle = await snapshotHandle(cluster, snapshot, signal);
    if (!handle)
      throw new PreloadError(
        `volume snapshot "${name}" is ready, but its content is missing`,
        `see: kubectl describe volumesnapshot ${name} -n ${namespace}`,
      );
    const { driver, snapshotId = `volumesnapshot/${name}` } = handle;
    const settings: VerifySettings = {
      name,
      namespace,
      version,
      size: roundUpToGibibytes(Math.max(SMALLEST_CLONE, restoreSize(snapshot))),
      storageClass: await storageClassFor(cluster, driver, options.storageClass, signal),
      pod: podSettings(options),
      deadline: Math.ceil(options.timeout / 1000),
      ...(options.node && { node: options.node }),
    };
    const configMap = verifyConfigMap(settings, await gzippedBundle(script));
    await checkPullSecrets(cluster, options.imagePullSecret, signal);
    await checkAllowed(cluster, [verifyPod(settings, configMap), verifyClaim(settings)], signal);
    const clone = { settings, configMap, snapshotId, checksum };
    const verification = await verifyClone(cluster, clone, limited);
    concludeVerify({ name, namespace, snapshotId, ...verification }, started, options.output, context);
  });

const REMEDY = 'run create again, or use --without-record to compare the volume only with its own checksums';

/** The checksum of the volume when it was captured. Throws PreloadError if the cluster does not remember it. */
const recordedChecksum = async (cluster: Cluster, snapshot: VolumeSnapshot, signal: AbortSignal): Promise<string> => {
  const { checksum } = await readRecord(cluster, snapshot, REMEDY, signal);
  if (checksum) return checksum;
  throw new PreloadError(`the record of preload "${snapshot.metadata.name}" has no checksum`, REMEDY);
};

interface Clone {
  settings: VerifySettings;
  configMap: ConfigMap;
  snapshotId: string;
  /** of the volume when it was captured; undefined to compare it only with its own checksums */
  checksum: string | undefined;
}

const verifyClone = async (
  cluster: Cluster,
  { settings, configMap, snapshotId, checksum }: Clone,
  context: Context,
): Promise<Verification> => {
  const { signal } = context;
  const [claim, pod] = [verifyClaim(settings), verifyPod(settings, configMap)];
  const command = removeCommand(settings.name, settings.namespace, 'verify');
  const cleanup = { title: 'Removing the pod and the clone', command, wait: true };
  return inRun(cluster, { cleanup }, context, async (run) => {
    const { made } = run;
    const title = `Cloning ${snapshotId}`;
    const there = await waitStep(context, {
      title,
      do: async (onProblem) => {
        const objects = await createLoader(cluster, { configMap, claim, pod }, made, signal);
        const starting = { ...objects, terms: VERIFIER_TERMS, node: settings.node, onProblem };
        return { ...objects, node: await podStarted(cluster, starting, signal) };
      },
      done: ({ node }) => `Clone of ${snapshotId} mounted on ${node}`,
    });
    run.volume = await deleteWithClaim(cluster, there.claim, signal);
    const started = context.now();
    const verification = await follow(cluster, there.pod, context);
    if (checksum && verification.checksum !== checksum) {
      const { record } = objectNames(settings.name);
      const problem = `does not match configmap/${record}: the volume was modified or replaced`;
      verification.problems.unshift({ path: 'verify/files', problem });
    }
    endVerifying(verification, started, context);
    return verification;
  });
};

/** Shows the pod's events until it ends. */
const follow = async (cluster: Cluster, pod: KubernetesObject, context: Context): Promise<Verification> => {
  const { progress, signal, now } = context;
  const started = now();
  progress.start('Verifying');
  for await (const event of loaderEvents(cluster, pod, signal)) {
    if (event.type === 'verifying')
      progress.update(describeVerifying(event, now() - started), {
        layers: event.layers,
        bytes: { done: event.bytes },
      });
    if (event.type === 'failed') throw new PreloadError(event.message, event.hint);
    if (event.type === 'verified') return event.verification;
  }
  throw await endedEarly(cluster, pod, VERIFIER_TERMS, signal);
};
