import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  becomes,
  cluster,
  createNamespace,
  createPreload,
  deleteNamespaces,
  kubectl,
  said,
  startPreload,
} from '../e2e/support/commands.ts';
import { snapshotClass } from '../e2e/support/hopeless-objects.ts';
import { objectsOf } from '../e2e/support/leftovers.ts';
import { list } from '../e2e/support/workloads.ts';
import {
  type Answer,
  at,
  type Break,
  type FaultyApiServer,
  LEADER_CHANGED,
  startFaultyApiServer,
  UNAVAILABLE,
} from '../harness/faulty-api-server.ts';
import { type Outcome, outcome } from '../harness/private-node.ts';
import { repetitions } from '../harness/repetitions.ts';
import { sample } from '../harness/sample.ts';

const NAMESPACE = 'weather';
const VERIFIED = 'weather-verify'; // of its own, because nothing else may be left in it
const IMAGES = ['shop/web:1.4', 'data/report:7', 'site/home:2026', 'build/runner:12'].map(sample);

/** Of a class whose driver takes no snapshot before its secret is there, so that none is ready before the outage. */
const LATE = 'after-outage';
const LATE_CLASS = snapshotClass(LATE, 'disk.preload.test', {
  'csi.storage.k8s.io/snapshotter-secret-name': LATE,
  'csi.storage.k8s.io/snapshotter-secret-namespace': 'default',
});
const SECRET = { apiVersion: 'v1', kind: 'Secret', metadata: { name: LATE, namespace: 'default' } };

const FAULTS: Record<string, Answer | Break> = {
  'resets connections': 'reset',
  'loses answers': 'lost',
  'sends half an answer': 'cut',
  'is busy': { code: 429, reason: 'TooManyRequests', message: 'slow down', retryAfter: 1 },
  'has no leader': LEADER_CHANGED,
  restarts: UNAVAILABLE,
};

/** What create says when a moment begins. */
const MOMENTS = {
  starting: 'Starting the loader',
  capturing: 'Capturing ',
  'after submission': 'Waiting for the snapshot',
  'clean-up': 'Removing the loader',
};

const faults = Object.entries(FAULTS);
const isLong = repetitions(2) > 1;
const rows = Object.entries(MOMENTS).flatMap(([moment, title], index) =>
  faults
    .filter((_, number) => isLong || number === index) // else each moment once
    .map(([what, fault]) => ({ moment, title, what, fault })),
);

const TIMES = 5;

let faulty: FaultyApiServer;
before(async () => {
  faulty = await startFaultyApiServer(process.env.KUBECONFIG ?? '');
  await createNamespace(NAMESPACE);
  await createNamespace(VERIFIED);
  await kubectl(['apply', '-f', '-'], LATE_CLASS);
});
after(async () => {
  await faulty.stop();
  await cluster('api-server', 'start');
  await deleteNamespaces(NAMESPACE, VERIFIED);
  await kubectl(['delete', '-f', '-', '--ignore-not-found'], list([LATE_CLASS, SECRET]));
});

/** After an outage the node may count as lost for a while. */
const nodeReady = () => kubectl(['wait', '--for=condition=Ready', '--timeout=180s', 'node/worker']);

/** Starts a create and returns when it says `title`. */
const createUntil = async (name: string, title: string, env: NodeJS.ProcessEnv, flags: readonly string[] = []) => {
  await nodeReady();
  const child = startPreload(['create', name, '-n', NAMESPACE, ...IMAGES, ...flags], env);
  const ended = outcome(child);
  await said(child.stderr, title);
  return { ended };
};

// after an outage, the kubelet may need a while to end the pod, the snapshot controller to release the claim, and the
// provisioner to remove the volume
const AFTER_OUTAGE = { ignored: /^ ! \S+ is still (being removed|there): .*$/gm, patience: 420 };

/** Asserts that the preload is ready, that nothing else is left, and removes it. */
const succeeds = async (
  name: string,
  ended: Promise<Outcome>,
  { ignored, patience }: Partial<typeof AFTER_OUTAGE> = {},
): Promise<string> => {
  const { code, stdout, stderr } = await ended;
  assert.equal(code, 0, stderr);
  assert.match(stdout, new RegExp(`^NAME .*\n${name} +True +Ready +\\d+ .* snap-[0-9a-f]+ +\\d+s\n$`));
  assert.doesNotMatch(ignored ? stderr.replaceAll(ignored, '') : stderr, /^ ✗|could not|lost/m);
  const left = [`ConfigMap preloaded-${name}`, `VolumeSnapshot ${name}`, 'VolumeSnapshotContent'];
  await becomes(left, () => objectsOf(NAMESPACE), patience).catch(async (error) => {
    console.error(
      await kubectl([
        'get',
        'pods,persistentvolumeclaims,persistentvolumes,volumeattachments',
        '-n',
        NAMESPACE,
        '-o',
        'yaml',
      ]),
    );
    throw error;
  });
  await removePreload(name);
  return stderr;
};

const removePreload = async (name: string): Promise<void> => {
  await kubectl(['delete', 'volumesnapshot', '-n', NAMESPACE, name]);
  await becomes([], async () => (await objectsOf(NAMESPACE)).filter((object) => !object.startsWith('ConfigMap')));
  await kubectl(['delete', 'configmap', '-n', NAMESPACE, `preloaded-${name}`, '--ignore-not-found']);
};

/** Waits until the scheduler has caught up with an earlier outage: until then, it cannot find new claims, and says so. */
const settled = async (): Promise<void> => {
  await createPreload(NAMESPACE, 'settled', [sample('ops/probe:1.0')]);
  await removePreload('settled');
};

const isLog = (path: string): boolean => /\/log\?/.test(path);

/** What the API server says if it cannot get a log from the kubelet. */
const UNREACHABLE: Answer = { code: 500, reason: 'InternalError', message: 'dial tcp 10.0.0.1:10250: i/o timeout' };

/** Resolves once the pod has reported that the volume is sealed. */
const sealed = (pod: string): Promise<void> =>
  becomes(true, async () => (await kubectl(['logs', '-n', NAMESPACE, pod])).includes('"type":"sealed"'), 120);

/** Breaks all open connections, and from then on some requests. */
const spoil = async (fault: Answer | Break): Promise<void> => {
  faulty.behave(at(/./, fault, TIMES));
  await faulty.leave();
  await faulty.comeBack();
};

describe('create goes on if the API server', () => {
  for (const [index, { moment, title, what, fault }] of rows.entries()) {
    test(`${what}: ${moment}`, async () => {
      const name = `w${index}`;
      faulty.behave(() => undefined);
      const { ended } = await createUntil(name, title, { KUBECONFIG: faulty.kubeconfig });
      await spoil(fault);
      await succeeds(name, ended);
      assert.ok(faulty.spoilt.length > 0, 'the fault was there');
    });
  }

  test('answers nothing while the loader seals the volume', async () => {
    faulty.behave(() => undefined);
    const { ended } = await createUntil('sealing', 'Capturing ', { KUBECONFIG: faulty.kubeconfig });
    await faulty.leave();
    await sealed('preload-sealing');
    await faulty.comeBack();
    await succeeds('sealing', ended);
  });

  test('gives only the new lines of the log after the volume was sealed, as if it had been rotated', async () => {
    faulty.behave(() => undefined);
    const { ended } = await createUntil('rotated', 'Capturing ', { KUBECONFIG: faulty.kubeconfig });
    let isSealed = false;
    faulty.behave((_, path) => {
      if (!isLog(path)) return undefined;
      return isSealed ? { path: `${path}&tailLines=0` } : UNREACHABLE;
    });
    await faulty.leave();
    await faulty.comeBack();
    await sealed('preload-rotated');
    isSealed = true;
    const { code, stdout, stderr } = await ended;
    assert.equal(code, 0, stderr);
    assert.match(stdout, /\nrotated +True +Ready /);
    assert.match(stderr, /^ ! lost \d+ reports of the loader, so /m);
    await removePreload('rotated');
  });

  for (const [moment, title, flags] of [
    ['capturing', 'Capturing ', []],
    ['submitted', 'Waiting for the snapshot', ['--snapshot-class', LATE]],
  ] as const) {
    test(`is away for 20 seconds: ${moment}`, async () => {
      await settled();
      const { ended } = await createUntil(moment, title, {}, flags);
      await cluster('api-server', 'stop');
      await sleep(20_000);
      await cluster('api-server', 'start');
      if (moment === 'submitted') await kubectl(['apply', '-f', '-'], SECRET);
      const stderr = await succeeds(moment, ended, AFTER_OUTAGE);
      assert.match(stderr, /^ ! the API server was not available for \d+ s, continuing: /m);
    });
  }
});

describe('verify goes on', () => {
  before(async () => {
    await nodeReady();
    await createPreload(VERIFIED, 'checked', IMAGES);
  });
  const verify = () => startPreload(['verify', 'checked', '-n', VERIFIED], { KUBECONFIG: faulty.kubeconfig });
  const passes = async (ended: Promise<Outcome>): Promise<void> => {
    const { code, stdout, stderr } = await ended;
    assert.equal(code, 0, stderr);
    assert.match(stdout, /\nchecked +True +/);
    await becomes(['ConfigMap preloaded-checked', 'VolumeSnapshot checked', 'VolumeSnapshotContent'], () =>
      objectsOf(VERIFIED),
    );
  };

  test('if the API server is away', async () => {
    faulty.behave(() => undefined);
    const child = verify();
    const ended = outcome(child);
    await said(child.stderr, 'mounted on');
    await faulty.leave();
    await sleep(5000);
    await faulty.comeBack();
    await passes(ended);
  });

  test('if the log of its pod cannot be had at all: the status of the container has the result', async () => {
    faulty.behave((_, path) => (isLog(path) ? UNREACHABLE : undefined));
    await passes(outcome(verify()));
  });
});
