import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { volumeSnapshot } from '../../src/manifests/snapshot.ts';
import type { ExportEvent } from '../../src/model/events.ts';
import { layerList, nameList, setOf } from '../../src/volume/format.ts';
import { until } from '../cluster/machine/until.ts';
import { capturedImage, digest, layer } from '../harness/captured-images.ts';
import {
  type Answer,
  type Break,
  type FaultyApiServer,
  LEADER_CHANGED,
  startFaultyApiServer,
  UNAVAILABLE,
} from '../harness/faulty-api-server.ts';
import { startBundle } from '../harness/run-bundle.ts';
import { STORAGE, startTestServer } from './api-server.ts';
import { claim, csi, volume } from './claims.ts';
import { recordOf, settings } from './records.ts';

const server = await startTestServer();
let faulty: FaultyApiServer;
before(async () => {
  await server.apply(...STORAGE, volume('disk', csi('disk.example.com')), claim('on-disk', 'disk'));
  await server.setStatus('pvc/on-disk', 'default', { phase: 'Bound' });
  await server.apply(volumeSnapshot(settings('old')));
  await server.finishSnapshot('old');
  await server.apply(await recordOf(server, 'old'));
  faulty = await startFaultyApiServer(server.kubeconfig);
});
after(async () => {
  await faulty.stop();
  await server.stop();
});

const logOf = (...events: ExportEvent[]): string =>
  events.map((event, index) => `${JSON.stringify({ ...event, seq: index + 1 })}\n`).join('');

const image = capturedImage({ layers: [layer('a', 2048)] });
const contents = {
  ...{ set: setOf(layerList([image]), nameList([image])), version: '1', created: '2026-11-24T12:00:00Z' },
  ...{ platform: 'linux/amd64', layout: 'layers' as const, uuid: null },
};
const CAPTURE = logOf({ type: 'image', image }, { type: 'sealed', contents, layers: 1, usedBytes: 9, readOnly: true });
const counts = { images: 1, layers: 1, blobs: 1, bytes: 9 };
const VERIFICATION = logOf({ type: 'verified', verification: { ...counts, checksum: digest('5'), problems: [] } });

/** No kubelet runs here, so the server in front answers requests for a log. */
const logAnswer = (method: string, path: string): Answer | undefined => {
  if (method !== 'GET' || !/\/pods\/[^/]+\/log\?/.test(path)) return undefined;
  return { code: 200, reason: '', message: '', text: path.includes('-verify/') ? VERIFICATION : CAPTURE };
};

interface Run {
  name: string;
  child: ReturnType<typeof startBundle>['child'];
  said: ReturnType<typeof startBundle>['said'];
  outcome: ReturnType<typeof startBundle>['outcome'];
}

const FAULTS: Record<string, Answer | Break> = {
  '429 with Retry-After': { code: 429, reason: 'TooManyRequests', message: 'slow down', retryAfter: 1 },
  '500 leader changed': LEADER_CHANGED,
  '502': { code: 502, reason: '', message: '', text: '<html>Bad Gateway</html>' },
  '503': UNAVAILABLE,
  '504': { code: 504, reason: 'Timeout', message: 'request did not complete within the allotted timeout' },
  reset: 'reset',
  'an answer that is lost': 'lost',
  'no answer': 'silent',
  'half an answer': 'cut',
};

type Verb = 'create' | 'snapshot' | 'verify' | 'status';

/** Requests by verb and moment. */
const MOMENTS: [Verb, moment: string, requests: RegExp][] = [
  ['create', 'starting', /^GET .*\/storageclasses\?/],
  ['create', 'checking', /^POST .*\/pods\?.*dryRun/],
  ['create', 'creating the config map', /^POST .*\/configmaps\?/],
  ['create', 'creating the volume', /^POST .*\/persistentvolumeclaims\?/],
  ['create', 'creating the loader', /^POST .*\/pods\?fieldManager=[^&]*$/],
  ['create', 'loader created', /^PATCH .*\/configmaps\//],
  ['create', 'waiting for the loader', /^GET .*\/pods\?.*fieldSelector/],
  ['create', 'following the log', /^GET .*\/pods\/[^/]+\/log\?/],
  ['create', 'submitting', /^POST .*\/volumesnapshots\?/],
  ['create', 'after submission', /^GET .*\/volumesnapshots\?.*fieldSelector/],
  ['create', 'reading the snapshot ID', /^GET .*\/volumesnapshotcontents\//],
  ['create', 'clean-up', /^DELETE .*\/pods\//],
  ['create', 'waiting for the end of the volume', /^GET .*\/persistentvolumeclaims\?.*fieldSelector/],
  ['verify', 'starting', /^GET .*\/configmaps\/preloaded-old/],
  ['verify', 'creating the pod', /^POST .*\/pods\?fieldManager=[^&]*$/],
  ['verify', 'pod created', /^GET .*\/pods\?.*fieldSelector/],
  ['verify', 'following the log', /^GET .*\/pods\/[^/]+\/log\?/],
  ['verify', 'clean-up', /^DELETE .*\/persistentvolumeclaims\//],
  ['snapshot', 'starting', /^GET .*\/persistentvolumes\//],
  ['snapshot', 'submitting', /^POST .*\/volumesnapshots\?/],
  ['snapshot', 'after submission', /^GET .*\/volumesnapshots\?.*fieldSelector/],
  ['status', 'starting', /^GET .*\/pods\?/],
  ['status', 'reading records', /^GET .*\/configmaps\?/],
];

const LONG = process.env.LONG === '1';
const faults = Object.entries(FAULTS);
const rows = MOMENTS.flatMap(([verb, moment, requests], index) =>
  faults
    .filter((_, number) => LONG || number === index % faults.length) // else each moment and each fault, but not all pairs
    .map(([what, fault]) => ({ verb, moment, requests, what, fault })),
);

const TIMES = 2;

/** Spoils the first requests of the kind, in the way of `fault`. */
const spoil = (requests: RegExp, fault: Answer | Break): (() => number) => {
  let hits = 0;
  faulty.behave((method, path) => {
    const usual = logAnswer(method, path);
    if (!requests.test(`${method} ${path}`) || hits >= TIMES) return usual;
    hits += 1;
    return usual && fault === 'cut' ? { ...usual, isCut: true } : fault;
  });
  return () => hits;
};

let number = 0;

const start = (verb: Verb): Run => {
  number += 1;
  const name = `w${number}`;
  const argv = {
    create: ['create', name, 'nginx:1'],
    verify: ['verify', 'old'],
    snapshot: ['snapshot', '--name', name, '--pvc', 'on-disk'],
    status: ['status', 'old'],
  }[verb];
  return { name, ...startBundle([...argv, '--request-timeout', '4s'], { KUBECONFIG: faulty.kubeconfig }) };
};

/** Does what a kubelet and a driver would do for `run`, and returns how it ends. */
const finish = async (verb: Verb, { name, outcome, said, child }: Run) => {
  const isThere = (object: string) => async () => {
    if (child.exitCode !== null) throw new Error(`ended early: ${said.stderr}`);
    return (await server.objects()).includes(object);
  };
  const pod = { create: `preload-${name}`, verify: 'preload-old-verify' }[verb as string];
  if (pod) {
    await until(pod, isThere(`Pod/default/${pod}`));
    await server.setStatus(`pod/${pod}`, 'default', { phase: 'Running' });
  }
  if (['create', 'snapshot'].includes(verb)) {
    await until('the snapshot', isThere(`VolumeSnapshot/default/${name}`), 120);
    await server.finishSnapshot(name);
  }
  return outcome;
};

const RESULTS: Record<Verb, (name: string) => RegExp> = {
  create: (name) => new RegExp(`^NAME .*\n${name} +True +Ready +1 .* snap-${name} +\\d+s\n$`),
  verify: () => /^NAME .*\nold +True +1 /,
  snapshot: (name) => new RegExp(`^NAME .*\n${name} +True +Ready .* snap-${name} +\\d+s\n$`),
  status: () => /^NAME .*\nold +True +Ready +2 .* snap-old /,
};

/** What a run that ended well leaves. */
const created = (verb: Verb, name: string): string[] => [
  ...(verb === 'create' ? [`ConfigMap/default/preloaded-${name}`] : []),
  ...(['create', 'snapshot'].includes(verb)
    ? [`VolumeSnapshot/default/${name}`, `VolumeSnapshotContent//content-default-${name}`]
    : []),
];

describe('a command survives', () => {
  for (const { verb, moment, requests, what, fault } of rows) {
    test(`${verb}, ${moment}: ${what}`, async () => {
      const untouched = await server.objects();
      const hits = spoil(requests, fault);
      const run = start(verb);
      const { code, stdout, stderr } = await finish(verb, run);
      assert.equal(code, 0, stderr);
      assert.match(stdout, RESULTS[verb](run.name));
      assert.doesNotMatch(stderr, /^ ✗|could not|^error/m);
      assert.ok(hits() > 0, 'the fault was there');
      assert.deepEqual(await server.objects(), [...untouched, ...created(verb, run.name)].sort());
    });
  }
});
