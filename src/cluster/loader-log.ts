import { setTimeout as sleep } from 'node:timers/promises';
import { LOADER } from '../manifests/loader-pod.ts';
import type { KubernetesObject } from '../manifests/object.ts';
import { decodeEvent, type NumberedEvent } from '../model/events.ts';
import { loaderEnd } from '../model/pod-state.ts';
import type { Cluster } from './connection.ts';
import { readLoader } from './pod.ts';
import { send } from './rest.ts';

/** Events of the loader, in order and each once, however often the connection breaks; ends when the container does. */
export async function* loaderEvents(
  cluster: Cluster,
  pod: KubernetesObject,
  signal: AbortSignal,
): AsyncGenerator<NumberedEvent> {
  let seen = 0;
  for (;;) {
    const ended = loaderEnd(await readLoader(cluster, pod, signal));
    for await (const line of logLines(cluster, pod, signal)) {
      const event = decodeEvent(line);
      if (!event || event.seq <= seen) continue;
      seen = event.seq;
      yield event;
    }
    if (ended) return;
    await sleep(1000, undefined, { signal });
  }
}

async function* logLines(
  cluster: Cluster,
  { metadata }: KubernetesObject,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const path = `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}/log`;
  const response = await send(cluster, path, { query: { container: LOADER, follow: 'true' }, signal, streaming: true });
  let rest = '';
  try {
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch {
    signal.throwIfAborted(); // a broken connection is read again by the caller
  }
}
