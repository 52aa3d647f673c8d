import type { Context } from '../cli/context.ts';
import type { Cluster } from '../cluster/connection.ts';
import { findOwn } from '../cluster/creation.ts';
import { createNew, type MadeObjects, madeObjects, mayHaveBeenDone } from '../cluster/made-objects.ts';
import { deleteWithClaim, REMOVAL_TIMEOUT, volumeGone } from '../cluster/volumes.ts';
import { withLastWarning } from '../cluster/warnings.ts';
import { type KubernetesObject, objectName } from '../manifests/object.ts';
import { Interrupted, NameTaken, PreloadError, TimedOut } from '../model/errors.ts';
import { statusCommand } from '../model/names.ts';
import { countWait, type Wait } from './step.ts';

/** What a run has created so far. */
export interface Run {
  /** what it needs for itself, which is removed in the end */
  made: MadeObjects;
  /** the snapshot that was submitted, which stays whatever happens: its driver may need longer than this command */
  submitted?: KubernetesObject;
  /** command that continues this run; set once the volume is complete, so that it stays if something fails after that */
  resume?: string;
  /** name of the volume that must be gone in the end */
  volume?: string | undefined;
}

interface RunSettings {
  /** how the run cleans up, and whether it waits until all is gone; undefined if it leaves what it made */
  cleanup?: { title: string; command: string; wait: boolean };
  /** is told about a failure before the run cleans up */
  onFailure?: ((failure: PreloadError, run: Run) => Promise<void>) | undefined;
}

/** Does `work` and cleans up after it, however it ends. A failure to clean up is a warning. */
export const inRun = async <T>(
  cluster: Cluster,
  settings: RunSettings,
  context: Context,
  work: (run: Run) => Promise<T>,
): Promise<T> => {
  const { progress, signal } = context;
  const run: Run = { made: madeObjects(cluster, signal) };
  try {
    const result = await work(run);
    await cleanUp(cluster, run, settings, context, settings.cleanup?.wait ? signal : AbortSignal.abort());
    if (settings.cleanup?.wait && run.volume && run.made.all().length === 0)
      await showLongWait(context, volumeGone(cluster, run.volume, signal));
    return result;
  } catch (error) {
    const watched = [...(run.submitted ? [run.submitted] : []), ...run.made.all()];
    const failure = error instanceof TimedOut ? await withLastWarning(cluster, watched, error) : error;
    progress.fail((failure as Error).message);
    if (failure instanceof NameTaken && run.made.all().length === 0) throw failure;
    if (failure instanceof Interrupted && settings.cleanup) {
      const { command } = settings.cleanup;
      progress.note(`Interrupted, cleaning up. Press Ctrl-C again to stop now; then clean up with: ${command}`);
    }
    if (!(failure instanceof Interrupted)) {
      await settings.onFailure?.(failure as PreloadError, run);
      if (run.resume && !run.submitted) {
        const remove = settings.cleanup ? `, or remove it with: ${settings.cleanup.command}` : '';
        progress.note(`The volume is complete, so it stays. Continue with: ${run.resume}${remove}`);
        throw failure;
      }
    }
    // the claim of a snapshot that is being taken stays until that is done
    await cleanUp(cluster, run, settings, context, run.submitted ? AbortSignal.abort() : undefined);
    if (run.submitted) {
      const { name, namespace = '' } = run.submitted.metadata;
      progress.note(`The snapshot continues in the background. Check it with: ${statusCommand(name, namespace)}`);
    }
    throw failure;
  }
};

const LONG = 2000; // milliseconds

/** Shows the wait for a volume to be removed, if it is long. */
const showLongWait = async (context: Context, gone: Promise<boolean>): Promise<void> => {
  const { progress } = context;
  const title = 'Waiting for the storage to remove the volume';
  const began = context.now();
  let wait: Wait | undefined;
  const timer = setTimeout(() => {
    progress.start(title);
    wait = countWait({ ...context, deadline: began + REMOVAL_TIMEOUT }, title);
  }, LONG);
  const isGone = await gone;
  clearTimeout(timer);
  wait?.stop();
  if (wait) progress.done(isGone ? 'Volume removed' : 'Not waiting any longer for the storage to remove the volume');
};

const LAST_LOOK = 5000; // milliseconds

/** Creates the snapshot of a finished volume, which stays from then on. */
export const submit = async (
  cluster: Cluster,
  run: Run,
  snapshot: KubernetesObject,
  { progress, signal }: Context,
): Promise<KubernetesObject> => {
  try {
    run.submitted = await createNew(cluster, snapshot, signal);
    return run.submitted;
  } catch (error) {
    // too late for another name
    if (error instanceof NameTaken) throw new PreloadError(error.message, error.hint);
    if (!mayHaveBeenDone(error, signal)) throw error;
    const { name, namespace = '' } = snapshot.metadata;
    const unknown = () => {
      progress.warn(`${objectName(snapshot)} may have been created; check it with: ${statusCommand(name, namespace)}`);
      return undefined;
    };
    const own = await findOwn(cluster, snapshot, { signal: AbortSignal.timeout(LAST_LOOK) }).catch(unknown);
    if (own) run.submitted = own;
    throw error;
  }
};

/** Removes what was made, and waits until it is gone or `until` is aborted. */
const cleanUp = async (
  cluster: Cluster,
  run: Run,
  settings: RunSettings,
  context: Context,
  until?: AbortSignal,
): Promise<void> => {
  if (!settings.cleanup) return;
  const { progress } = context;
  const { made } = run;
  progress.start(settings.cleanup.title);
  const wait = countWait({ progress, now: context.now }, settings.cleanup.title); // --timeout does not end it
  const claim = made.all().find(({ kind }) => kind === 'PersistentVolumeClaim');
  // a pod that has not started may have a volume, too
  if (claim?.metadata.uid && !run.volume)
    await deleteWithClaim(cluster, claim, AbortSignal.timeout(LAST_LOOK)).catch(() => undefined);
  const { removed, left } = await made.remove(until && { until }).finally(wait.stop);
  if (removed.length > 0) progress.done(`Removed ${removed.join(', ')}`);
  else if (left.length > 0) progress.fail('nothing could be removed');
  else progress.done('Nothing to remove: this run created nothing');
  for (const message of left) progress.warn(message);
};
