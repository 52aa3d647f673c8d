import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../src/cluster/connection.ts';
import { list } from '../../src/cluster/lists.ts';
import { ANY } from '../../src/model/cluster-objects.ts';
import { until } from '../cluster/machine/until.ts';
import { type Answer, at, type Fault, LEADER_CHANGED, UNAVAILABLE } from '../harness/faulty-api-server.ts';
import { runBundle, startBundle } from '../harness/run-bundle.ts';
import { grant } from './api-server.ts';
import { CAPTURE, EVENTS, logAnswer, logOf, startStage } from './staged-run.ts';

const folder = await mkdtemp(join(tmpdir(), 'preload-outages-'));
const stage = await startStage();
const { server, faulty } = stage;
after(async () => {
  await stage.stop();
  await rm(folder, { recursive: true });
});

const warnings = (stderr: string): string[] => stderr.split('\n').filter((line) => line.startsWith(' ! '));

describe('a server that is away', () => {
  test('while a snapshot is awaited is waited for, which one line reports', async () => {
    let watches = false; // else a request would be under way, and the first error not a refused connection
    faulty.behave((_, path) => {
      watches ||= path.includes('watch=true');
      return undefined;
    });
    const run = stage.start('snapshot', 'away');
    await stage.there(run, 'VolumeSnapshot/default/away');
    await until('the wait', () => run.said.stderr.includes('Waiting') && watches);
    await faulty.leave();
    await server.finishSnapshot('away');
    await sleep(6000);
    await faulty.comeBack();
    const { code, stderr } = await run.outcome;
    assert.equal(code, 0, stderr);
    const [outage, ...others] = warnings(stderr).filter((line) => !line.includes('deletionPolicy'));
    assert.match(outage ?? '', /^ ! the API server was not available for \d+ s, continuing: The connection .* refused/);
    assert.deepEqual(others, []);
  });

  test('is not waited for after Ctrl-C', async () => {
    faulty.behave(() => undefined);
    const run = stage.start('snapshot', 'patient');
    await stage.there(run, 'VolumeSnapshot/default/patient');
    await faulty.leave();
    await sleep(2000);
    const since = performance.now();
    run.child.kill('SIGINT');
    const { code, stderr } = await run.outcome;
    assert.equal(code, 130, stderr);
    assert.ok(performance.now() - since < 3000);
    await faulty.comeBack();
  });

  test('is waited for by a command that only reads, but not for ever', async () => {
    faulty.behave(at(/^GET .*\/pods\?/, UNAVAILABLE));
    const since = performance.now();
    const { code, stdout, stderr } = await stage.start('status', '').outcome;
    assert.deepEqual([code, stdout], [1, '']);
    assert.ok(performance.now() - since > 20_000);
    assert.match(stderr, /^ ! the API server is not available, trying again: the server is restarting$/m);
    assert.match(stderr, /^Error from server \(ServiceUnavailable\): the server is restarting$/m);
  });

  test('ends a command with a time limit when that is over', async () => {
    faulty.behave(at(/^GET .*\/storageclasses\?/, LEADER_CHANGED));
    const { code, stdout, stderr } = await stage.start('create', 'late', '--timeout', '5s').outcome;
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^error: timed out after 5s\nhint: raise --timeout\n$/m);
  });
});

test('an error that does not pass is not repeated', async () => {
  const answer: Answer = { code: 500, reason: 'InternalError', message: 'failed calling webhook "x": no endpoints' };
  faulty.behave(at(/^GET .*\/pods\?/, answer));
  const { code, stderr } = await stage.start('status', '').outcome;
  assert.equal(code, 1);
  assert.equal(stderr, `Error from server (InternalError): ${answer.message}\n`);
  assert.equal(faulty.spoilt.length, 1);
});

test('a server that is busy is asked again after the time that it wants', async () => {
  faulty.behave(
    at(/^GET .*\/pods\?/, { code: 429, reason: 'TooManyRequests', message: 'slow down', retryAfter: 4 }, 1),
  );
  const since = performance.now();
  const { code, stderr } = await stage.start('status', '').outcome;
  assert.equal(code, 0, stderr);
  assert.ok(performance.now() - since >= 4000);
});

test('a list that expires is read again, and yields each object once', async () => {
  const count = 501; // more than one page
  const items = Array.from({ length: count }, (_, index) => ({
    ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `many-${index}`, namespace: 'default' } },
  }));
  await server.apply(...items);
  faulty.behave(at(/^GET .*[?&]continue=/, { code: 410, reason: 'Expired', message: 'the token is too old' }, 1));
  const said: string[] = [];
  const flags = { kubeconfig: faulty.kubeconfig, requestTimeout: 30_000 };
  const cluster = await connect(flags, {}, (text) => said.push(text));
  const found = await Array.fromAsync(list(cluster, 'ConfigMap', ANY, { namespace: 'default' }));
  const names = found.map(({ metadata }) => metadata.name).filter((name) => name.startsWith('many-'));
  assert.deepEqual([names.length, new Set(names).size, faulty.spoilt.length], [count, count, 1]);
  assert.deepEqual(said, ['the list of configmaps expired while it was read; reading it again']);
});

describe('credentials that the server rejects', () => {
  const WARNING = ' ! the API server rejected the credentials; trying again with new ones';

  /** Path of a kubeconfig with this user. */
  const configFor = async (user: object): Promise<string> => {
    const { clusters } = JSON.parse(await readFile(server.kubeconfig, 'utf8'));
    const context = { cluster: clusters[0].name, user: 'login' };
    const path = join(folder, 'config');
    const config = { clusters, users: [{ name: 'login', user }], contexts: [{ name: 'c', context }] };
    await writeFile(path, JSON.stringify({ ...config, 'current-context': 'c' }));
    return path;
  };

  /** A kubeconfig of a user whose plugin prints the lines of `tokens` in turn, and then the last one again. */
  const withPlugin = async (...tokens: string[]): Promise<string> => {
    const [plugin, calls] = [join(folder, 'plugin'), join(folder, 'calls')];
    await rm(calls, { force: true });
    const script = `echo call >>${calls}; token=$(printf '%s\\n' ${tokens.join(' ')} | sed -n "$(wc -l <${calls})p")`;
    const answer = '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}';
    await writeFile(plugin, `#!/bin/sh\n${script}\nprintf '${answer}' "\${token:-${tokens.at(-1)}}"\n`, {
      mode: 0o755,
    });
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: plugin, interactiveMode: 'Never' };
    return configFor({ exec });
  };
  const calls = async () => (await readFile(join(folder, 'calls'), 'utf8')).trim().split('\n').length;

  test('are fetched again from their plugin', async () => {
    const rules = [{ apiGroups: ['*'], resources: ['*'], verbs: ['get', 'list', 'watch'] }];
    await server.apply(...grant('system:serviceaccount:default:default', ...rules));
    const token = (await server.kubectl(['create', 'token', 'default'])).trim();
    const { code, stderr } = await runBundle(['status', 'old'], { KUBECONFIG: await withPlugin('expired', token) });
    assert.equal(code, 0, stderr);
    assert.deepEqual([warnings(stderr), await calls()], [[WARNING], 2]);
  });

  test('are read again from their file', async () => {
    await server.kubectl(['create', 'serviceaccount', 'short']);
    const account = 'system:serviceaccount:default:short';
    await server.apply(...grant(account, { apiGroups: ['*'], resources: ['*'], verbs: ['*'] }));
    const tokenFile = join(folder, 'token');
    const writeToken = async (name: string) => writeFile(tokenFile, await server.kubectl(['create', 'token', name]));
    await writeToken('short');
    const argv = ['snapshot', '--name', 'relogin', '--pvc', 'on-disk'];
    const { outcome, said } = startBundle(argv, { KUBECONFIG: await configFor({ tokenFile }) });
    await until('the wait', () => said.stderr.includes('Waiting for the snapshot'));
    await writeToken('default');
    await server.kubectl(['delete', 'serviceaccount', 'short']);
    await until('the rejection', () => said.stderr.includes(WARNING));
    await server.finishSnapshot('relogin');
    const { code, stderr } = await outcome;
    assert.equal(code, 0, stderr);
  });

  test('end the command if the new ones are rejected, too', async () => {
    const { code, stderr } = await runBundle(['status', 'old'], { KUBECONFIG: await withPlugin('expired', 'wrong') });
    assert.equal(code, 1);
    assert.match(stderr, /^error: You must be logged in to the server \(Unauthorized\)$/m);
    assert.equal(await calls(), 2);
  });
});

describe('a log of the loader', () => {
  const isLog = (path: string): boolean => /\/log\?/.test(path);
  const text = (log: string): Answer => ({ code: 200, reason: '', message: '', text: log });
  const [first = '', ...others] = CAPTURE.split('\n').map((line) => `${line}\n`);
  const last = others.join('');
  const unfinished = (name: string) => `preload-${name}`;

  /** Captures with these answers to requests for the log, one after the other; the last one lasts. */
  const create = async (name: string, ...answers: ReturnType<Fault>[]) => {
    let reads = 0;
    faulty.behave((_, path) => {
      if (!isLog(path)) return undefined;
      reads += 1;
      return answers[Math.min(reads, answers.length) - 1];
    });
    const { code, stdout, stderr } = await stage.finish('create', stage.start('create', name));
    assert.equal(code, 0, stderr);
    return { stdout, reads, said: warnings(stderr) };
  };

  test('that breaks off is read again', async () => {
    const { stdout, said } = await create('broken', { ...text(CAPTURE), isCut: true }, text(CAPTURE));
    assert.match(stdout, /\nbroken +True +Ready +1 /);
    assert.match(said[0] ?? '', /^ ! reading the log of preload-broken again: /);
    assert.equal(said.length, 1);
  });

  test('that the kubelet cannot send for a while is read again', async () => {
    const away = {
      code: 500,
      reason: 'InternalError',
      message: 'Get "https://10.0.0.1:10250/": dial tcp: i/o timeout',
    };
    const { said } = await create('unreachable', away, away, text(CAPTURE));
    assert.deepEqual(said, [` ! reading the log of preload-unreachable again: ${away.message}`]);
  });

  test('with a gap is read again from its beginning, and then has everything', async () => {
    const { stdout, reads, said } = await create('gap', text(last), text(CAPTURE));
    assert.match(stdout, /\ngap +True +Ready +1 /);
    assert.deepEqual([reads, said], [2, [' ! reading the log of preload-gap again: reports are missing']]);
  });

  test('that has lost its beginning for good is used as it is, which a line reports', async () => {
    const { stdout, said } = await create('rotated', text(last));
    assert.match(stdout, /\nrotated +True +Ready +1 /);
    assert.match(said.at(-1) ?? '', /^ ! lost 1 report of the loader, so warnings may be missing here$/);
  });

  test('that is gone is not needed for the result, which the status of the container has', async () => {
    const name = 'gone';
    faulty.behave((_, path) => (isLog(path) ? text(first) : undefined));
    const run = stage.start('create', name);
    await stage.there(run, `Pod/default/${unfinished(name)}`);
    const terminated = { exitCode: 0, reason: 'Completed', message: logOf(...EVENTS).split('\n')[2] };
    const container = { name: 'loader', image: 'i', imageID: '', ready: false, restartCount: 0, state: { terminated } };
    await server.setStatus(`pod/${unfinished(name)}`, 'default', {
      phase: 'Succeeded',
      containerStatuses: [container],
    });
    await stage.there(run, `VolumeSnapshot/default/${name}`);
    await server.finishSnapshot(name);
    const { code, stdout, stderr } = await run.outcome;
    assert.equal(code, 0, stderr);
    assert.match(stdout, /\ngone +True +Ready +1 /);
  });

  test('of a run in which nothing goes wrong is read once, without a word', async () => {
    faulty.behave(logAnswer);
    const { code, stderr } = await stage.finish('create', stage.start('create', 'calm'));
    assert.equal(code, 0, stderr);
    assert.deepEqual(warnings(stderr), []);
    assert.equal(faulty.spoilt.length, 1);
  });
});
