import * as v from 'valibot';
import { ApiError } from '../model/errors.ts';
import { LINE, object } from '../model/parse.ts';
import type { Cluster } from './connection.ts';
import { parseAnswer } from './objects.ts';
import { sendForJson } from './rest.ts';

const GROUP = object({ versions: v.array(object({ version: LINE })) });

/** The versions of an API group that the server has; none if it does not have the group. */
export const servedVersions = async (cluster: Cluster, group: string, signal: AbortSignal): Promise<string[]> => {
  try {
    const answer = await sendForJson(cluster, `/apis/${group}`, { signal });
    return parseAnswer(GROUP, answer, `the API group ${group}`).versions.map(({ version }) => version);
  } catch (error) {
    if (error instanceof ApiError && error.code === 404) return [];
    throw error;
  }
};
