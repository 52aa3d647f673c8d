import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { type Answer, type Break, LEADER_CHANGED, UNAVAILABLE } from '../harness/faulty-api-server.ts';
import { repetitions } from '../harness/repetitions.ts';
import { created, logAnswer, startStage, type Verb } from './staged-run.ts';

const stage = await startStage();
const { server, faulty } = stage;
after(stage.stop);

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

const isLong = repetitions(2) > 1;
const faults = Object.entries(FAULTS);
const rows = MOMENTS.flatMap(([verb, moment, requests], index) =>
  faults
    .filter((_, number) => isLong || number === index % faults.length) // else each moment and each fault, but not all pairs
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

const RESULTS: Record<Verb, (name: string) => RegExp> = {
  create: (name) => new RegExp(`^NAME .*\n${name} +True +Ready +1 .* snap-${name} +\\d+s\n$`),
  verify: () => /^NAME .*\nold +True +1 /,
  snapshot: (name) => new RegExp(`^NAME .*\n${name} +True +Ready .* snap-${name} +\\d+s\n$`),
  status: () => /^Name: +old\n(.+\n)+Snapshot ID: +snap-old /,
};

describe('a command survives', () => {
  for (const [index, { verb, moment, requests, what, fault }] of rows.entries()) {
    test(`${verb}, ${moment}: ${what}`, async () => {
      const untouched = await server.objects();
      const hits = spoil(requests, fault);
      const name = `w${index}`;
      const { code, stdout, stderr } = await stage.finish(verb, stage.start(verb, name));
      assert.equal(code, 0, stderr);
      assert.match(stdout, RESULTS[verb](name));
      assert.doesNotMatch(stderr, /^ ✗|could not|^error/m);
      assert.ok(hits() > 0, 'the fault was there');
      assert.deepEqual(await server.objects(), [...untouched, ...created(verb, name)].sort());
    });
  }
});
