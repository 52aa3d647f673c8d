import type { Cluster } from '../../cluster/connection.ts';
import { asObject, type Left } from '../../cluster/leftovers.ts';
import { REQUEST_KEY, RUN_KEY } from '../../manifests/loader.ts';
import { type ConfigMap, vouchFor } from '../../manifests/run-bundle.ts';
import { PreloadError } from '../../model/errors.ts';
import { gunzipText } from '../../model/gzip.ts';
import { INPUTS_ANNOTATION, removeCommand, statusCommand } from '../../model/names.ts';
import { parse, parseJson } from '../../model/parse.ts';
import { type CaptureRequest, parseRequest } from '../../model/request.ts';
import { SAVED_RUN, type SavedRun } from '../../model/saved-run.ts';

/** What a run started with. */
export interface Inputs {
  saved: SavedRun;
  request: CaptureRequest;
  configMap: ConfigMap;
}

/**
 * Reads what an interrupted run started with. Throws PreloadError unless its pods or its claim vouch for that: whoever may
 * write config maps must not decide what runs with privileges.
 */
export const readInputs = ({ namespace }: Cluster, name: string, left: Left): Inputs => {
  const { configMap: found, claim, planPod, pod } = left;
  const command = removeCommand(name, namespace);
  if (!found && !claim && !planPod && !pod) {
    throw new PreloadError(
      `preload "${name}" has no interrupted run in namespace "${namespace}"`,
      `run create without --resume; see: ${statusCommand(name, namespace)}`,
    );
  }
  const again = `run create without --resume, after: ${command}`;
  if (!found) throw new PreloadError(`too little is left of the run for preload "${name}" to continue it`, again);
  const configMap: ConfigMap = { ...asObject('ConfigMap', found), binaryData: found.binaryData ?? {} };
  const expected = vouchFor(configMap)[INPUTS_ANNOTATION];
  const vouchers = [claim, planPod, pod].flatMap((object) => object?.metadata.annotations?.[INPUTS_ANNOTATION] ?? []);
  if (vouchers.length === 0)
    throw new PreloadError(`the run for preload "${name}" was interrupted before it captured anything`, again);
  if (vouchers.some((sum) => sum !== expected))
    throw new PreloadError(`configmap/${configMap.metadata.name} is not what the interrupted run sent`, again);
  try {
    const file = (key: string) => gunzipText(Buffer.from(configMap.binaryData[key] ?? '', 'base64'));
    const saved = parse(SAVED_RUN, parseJson(file(RUN_KEY)));
    const settings = { ...saved.settings, name, namespace };
    return { saved: { ...saved, settings }, request: parseRequest(file(REQUEST_KEY)), configMap };
  } catch (error) {
    const { message } = error as PreloadError;
    throw new PreloadError(`cannot use configmap/${configMap.metadata.name}: ${message}`, again);
  }
};
