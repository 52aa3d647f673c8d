import { setTimeout } from 'node:timers/promises';
import { volumeSnapshot } from '../../src/manifests/snapshot.ts';
import type { ExportEvent } from '../../src/model/events.ts';
import { recordImages } from '../../src/model/record.ts';
import { layerList, nameList, setOf } from '../../src/volume/format.ts';
import { until } from '../cluster/machine/until.ts';
import { capturedImage, digest, layer } from '../harness/captured-images.ts';
import { type Answer, type FaultyApiServer, startFaultyApiServer } from '../harness/faulty-api-server.ts';
import { startBundle } from '../harness/run-bundle.ts';
import { STORAGE, startTestServer, type TestServer } from './api-server.ts';
import { claim, csi, volume } from './claims.ts';
import { recordOf, settings } from './records.ts';

// Runs of commands to their end without a node: what a loader, a kubelet and a driver would do comes from here.

/** The log of a loader that has reported `events`. */
export const logOf = (...events: ExportEvent[]): string =>
  events.map((event, index) => `${JSON.stringify({ ...event, seq: index + 1 })}\n`).join('');

const image = capturedImage({ layers: [layer('a', 2048)] });
const contents = {
  ...{ set: setOf(layerList([image]), nameList([image])), version: '1', created: '2026-11-24T12:00:00Z' },
  ...{ platform: 'linux/amd64', layout: 'layers' as const, uuid: null },
};
const eventsOn = (platform: string): ExportEvent[] => [
  { type: 'image', image },
  { type: 'recorded', lists: { ...recordImages([image]), skipped: [] } },
  { type: 'sealed', contents: { ...contents, platform }, layers: 1, usedBytes: 9, readOnly: true },
];
export const EVENTS = eventsOn('linux/amd64');
export const CAPTURE = logOf(...EVENTS);
const ARM_CAPTURE = logOf(...eventsOn('linux/arm64'));
const counts = { images: 1, layers: 1, blobs: 1, bytes: 9 };
const VERIFICATION = logOf({ type: 'verified', verification: { ...counts, checksum: digest('5'), problems: [] } });

/** No kubelet runs here, so the server in front answers requests for a log. */
export const logAnswer = (method: string, path: string): Answer | undefined => {
  if (method !== 'GET' || !/\/pods\/[^/]+\/log\?/.test(path)) return undefined;
  return {
    code: 200,
    reason: '',
    message: '',
    text: path.includes('-verify/') ? VERIFICATION : path.includes('-arm64/') ? ARM_CAPTURE : CAPTURE,
  };
};

export type Verb = 'create' | 'snapshot' | 'verify' | 'status';

interface Run extends ReturnType<typeof startBundle> {
  name: string;
}

interface Stage {
  server: TestServer;
  /** stands in front of it */
  faulty: FaultyApiServer;
  /** starts a run that makes the preload or snapshot `name`; the others use a preload that is there, `old` */
  start: (verb: Verb, name: string, ...flags: string[]) => Run;
  /** resolves once `object` is there, as `Kind/namespace/name` */
  there: (run: Run, object: string) => Promise<void>;
  /** does what a kubelet and a driver would do, and returns how the run ends */
  finish: (verb: Verb, run: Run) => Run['outcome'];
  /** does that for whatever is created, until `work` has ended, and returns its result */
  during: <T>(work: Promise<T>) => Promise<T>;
  stop: () => Promise<void>;
}

export const startStage = async (): Promise<Stage> => {
  const server = await startTestServer();
  await server.apply(...STORAGE, volume('disk', csi('disk.example.com')), claim('on-disk', 'disk'));
  await server.setStatus('pvc/on-disk', 'default', { phase: 'Bound' });
  await server.apply(volumeSnapshot(settings('old')));
  await server.finishSnapshot('old');
  await server.apply(await recordOf(server, 'old'));
  const faulty = await startFaultyApiServer(server.kubeconfig);
  const there: Stage['there'] = ({ child, said }, object) => {
    const [kind, namespace, name] = object.split('/');
    return until(
      object,
      async () => {
        if (child.exitCode !== null) throw new Error(`ended early: ${said.stderr}`);
        return server.isThere(`${kind}/${name}`, namespace);
      },
      120,
    );
  };
  return {
    server,
    faulty,
    there,
    start: (verb, name, ...flags) => {
      const argv = {
        create: ['create', name, 'nginx:1', '--size', '1Gi'],
        verify: ['verify', 'old'],
        snapshot: ['snapshot', '--name', name, '--pvc', 'on-disk'],
        status: ['status', 'old'],
      }[verb];
      const run = startBundle([...argv, '--request-timeout', '4s', ...flags], { KUBECONFIG: faulty.kubeconfig });
      return { name, ...run };
    },
    finish: async (verb, run) => {
      const pod = { create: `preload-${run.name}`, verify: 'preload-old-verify', snapshot: '', status: '' }[verb];
      if (pod) {
        await there(run, `Pod/default/${pod}`);
        await server.setStatus(`pod/${pod}`, 'default', { phase: 'Running' });
      }
      if (['create', 'snapshot'].includes(verb)) {
        await there(run, `VolumeSnapshot/default/${run.name}`);
        await server.finishSnapshot(run.name);
      }
      return run.outcome;
    },
    during: async (work) => {
      let isOver = false;
      const players = (async () => {
        while (!isOver) {
          await play(server);
          await setTimeout(200);
        }
      })();
      return work.finally(() => {
        isOver = true;
        return players;
      });
    },
    stop: async () => {
      await faulty.stop();
      await server.stop();
    },
  };
};

interface Status {
  phase?: string;
  readyToUse?: boolean;
}

/** Objects that are gone by then are not its concern. */
const play = async (server: TestServer): Promise<void> => {
  for (const path of await server.objects('Pod', 'VolumeSnapshot')) {
    const [kind, namespace, name = ''] = path.split('/');
    if (namespace !== 'default') continue;
    const { status } = (await server.get<{ status?: Status }>(`${kind}/${name}`)) ?? {};
    if (status?.phase === 'Pending')
      await server.setStatus(`pod/${name}`, 'default', { phase: 'Running' }).catch(() => {});
    if (kind === 'VolumeSnapshot' && !status?.readyToUse) await server.finishSnapshot(name).catch(() => {});
  }
};

/** What a run that ended well leaves. */
export const created = (verb: Verb, name: string): string[] => [
  ...(verb === 'create' ? [`ConfigMap/default/preloaded-${name}`] : []),
  ...(['create', 'snapshot'].includes(verb)
    ? [`VolumeSnapshot/default/${name}`, `VolumeSnapshotContent//content-default-${name}`]
    : []),
];
