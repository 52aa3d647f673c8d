import * as v from 'valibot';
import { ApiError } from '../model/errors.ts';
import { LINE, object, parse, parseJson } from '../model/parse.ts';
import type { Cluster } from './connection.ts';
import { type Kind, pathOf } from './kinds.ts';
import { isGone, parseAnswer, read } from './objects.ts';
import { sendForJson, sendForLines } from './rest.ts';
import { pause } from './wait.ts';
import { isPassing } from './weather.ts';

const WINDOW_SECONDS = 5; // of one watch
const INTERVAL = 1000;

const VERSIONED = object({ metadata: object({ resourceVersion: LINE }) });
const LIST = object({ ...VERSIONED.entries, items: v.nullish(v.array(v.unknown()), []) });
const WATCH_EVENT = object({
  type: v.picklist(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']),
  object: v.unknown(),
});

interface Place {
  namespace: string;
  signal: AbortSignal;
}

/**
 * Yields what `schema` makes of the object as it is now, then whenever it changes and every few seconds; undefined while
 * it does not exist. Watches it; if this user or this connection does not allow that, asks again and again.
 */
export const changes = async function* <S extends v.GenericSchema>(
  cluster: Cluster,
  kind: Kind,
  schema: S,
  name: string,
  { namespace, signal }: Place,
): AsyncGenerator<v.InferOutput<S> | undefined> {
  const what = `${kind.toLowerCase()}/${name}`;
  const path = pathOf(kind, namespace);
  const fieldSelector = `metadata.name=${name}`;
  const idle = WINDOW_SECONDS * 1000 + cluster.requestTimeout;
  let canWatch = true;
  while (canWatch) {
    try {
      const found = parseAnswer(LIST, await sendForJson(cluster, path, { query: { fieldSelector }, signal }), what);
      let current = found.items.length > 0 ? parseAnswer(schema, found.items[0], what) : undefined;
      let { resourceVersion } = found.metadata;
      for (;;) {
        yield current;
        const query = {
          ...{ fieldSelector, resourceVersion, watch: 'true', allowWatchBookmarks: 'true' },
          timeoutSeconds: String(WINDOW_SECONDS),
        };
        for await (const line of sendForLines(cluster, path, { query, signal, idle })) {
          const event = parse(WATCH_EVENT, parseJson(line));
          if (event.type === 'ERROR') throw new ApiError(410, 'Expired', 'the watch ended');
          resourceVersion = parseAnswer(VERSIONED, event.object, what).metadata.resourceVersion;
          if (event.type === 'BOOKMARK') continue;
          current = event.type === 'DELETED' ? undefined : parseAnswer(schema, event.object, what);
          yield current;
        }
      }
    } catch (error) {
      canWatch = isPassing(error) || isGone(error);
      if (!canWatch && !isRefusal(error)) throw error;
    }
    await pause(INTERVAL, signal);
  }
  for (;;) {
    yield await read(cluster, kind, schema, name, { namespace, signal });
    await pause(INTERVAL, signal);
  }
};

const isRefusal = (error: unknown): boolean => error instanceof ApiError && error.code !== 0;
