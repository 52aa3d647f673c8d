import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { until } from '../cluster/machine/until.ts';
import { at, FORBIDDEN } from '../harness/faulty-api-server.ts';
import { startBundle } from '../harness/run-bundle.ts';
import { created, logAnswer, startStage } from './staged-run.ts';

const stage = await startStage();
stage.faulty.behave(logAnswer);
after(() => stage.stop());

const kubectl = (...args: string[]) => stage.server.kubectl(args);

/** Kills a create once it has created `object`. */
const interrupted = async (name: string, object: string, ...flags: string[]): Promise<void> => {
  const run = stage.start('create', name, ...flags);
  await stage.there(run, object);
  run.child.kill('SIGKILL');
  await run.outcome;
};

const resume = (name: string, ...flags: string[]) => ({
  name,
  ...startBundle(['create', name, '--resume', ...flags], { KUBECONFIG: stage.faulty.kubeconfig }),
});

const uid = (object: string): Promise<string> => kubectl('get', object, '-o', 'jsonpath={.metadata.uid}');

/** Resolves once another object than that with UID `old` has this name. */
const replaced = (object: string, old: string) =>
  until(`another ${object}`, async () => ![old, ''].includes(await uid(object).catch(() => '')));

const succeeds = async (name: string, run: ReturnType<typeof resume>): Promise<string> => {
  const { code, stdout, stderr } = await stage.finish('create', run);
  assert.equal(code, 0, stderr);
  assert.match(stdout, new RegExp(`\\n${name} +True +Ready +1 `));
  const left = (await stage.server.objects()).filter((object) => new RegExp(`[/-]${name}$`).test(object));
  assert.deepEqual(left.sort(), created('create', name).sort());
  return stderr;
};

describe('a run that was interrupted', () => {
  test('is reported by a plain create, which suggests --resume', async () => {
    await interrupted('plain', 'Pod/default/preload-plain');
    const { code, stderr } = await stage.start('create', 'plain').outcome;
    assert.equal(code, 1);
    assert.match(stderr, /^error: pod\/preload-plain already exists: .* or an earlier run was interrupted$/m);
    assert.match(stderr, /^hint: .*continue with: kubectl preload create plain -n default --resume; or /m);
    await succeeds('plain', resume('plain'));
  });

  test('continues with its loader and its volume', async () => {
    await interrupted('same', 'Pod/default/preload-same');
    const pod = await uid('pod/preload-same');
    const run = resume('same');
    await stage.server.setStatus('pod/preload-same', 'default', { phase: 'Running' });
    await stage.there(run, 'VolumeSnapshot/default/same');
    assert.equal(await uid('pod/preload-same'), pod);
    await succeeds('same', run);
  });

  test('continues with another loader on its volume if its own has failed', async () => {
    await interrupted('failed', 'Pod/default/preload-failed', '--priority-class', 'system-node-critical');
    const [pod, claim] = [await uid('pod/preload-failed'), await uid('pvc/preload-failed')];
    await stage.server.setStatus('pod/preload-failed', 'default', { phase: 'Failed', reason: 'DeadlineExceeded' });
    const run = resume('failed', '--timeout', '5m');
    await replaced('pod/preload-failed', pod);
    assert.equal(await uid('pvc/preload-failed'), claim);
    const spec = JSON.parse(await kubectl('get', 'pod/preload-failed', '-o', 'json')).spec;
    assert.deepEqual([spec.priorityClassName, spec.activeDeadlineSeconds], ['system-node-critical', 900]);
    await succeeds('failed', run);
  });

  test('continues with another loader if its own fails later', async () => {
    await interrupted('later', 'Pod/default/preload-later');
    const pod = await uid('pod/preload-later');
    const run = resume('later');
    await until('the loader starting', () => run.said.stderr.includes('Starting the loader'));
    await kubectl('delete', 'pod/preload-later', '--grace-period=0', '--force');
    await replaced('pod/preload-later', pod);
    assert.match(
      await succeeds('later', run),
      /^ ! another loader continues on the volume, because .*: pod preload-later was deleted /m,
    );
  });
});

test('if the snapshot of a complete volume is refused, the volume stays until the run is continued', async () => {
  const refuse = at(/^POST .*\/volumesnapshots\?(?!.*dryRun)/, FORBIDDEN, 1);
  stage.faulty.behave((method, path) => refuse(method, path) ?? logAnswer(method, path));
  const run = stage.start('create', 'refused');
  await stage.there(run, 'Pod/default/preload-refused');
  await stage.server.setStatus('pod/preload-refused', 'default', { phase: 'Running' });
  const { code, stderr } = await run.outcome;
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^The volume is complete, so it stays\. Continue with: kubectl preload create refused -n default --resume, or remove it with: kubectl delete /m,
  );
  await succeeds('refused', resume('refused'));
});

describe('a run is not continued if', () => {
  test('nothing is left of one', async () => {
    const { code, stderr } = await resume('none').outcome;
    assert.equal(code, 1);
    assert.match(stderr, /^error: preload "none" has no interrupted run in namespace "default"$/m);
  });

  test('nothing vouches for what it started with', async () => {
    await interrupted('early', 'ConfigMap/default/preload-early');
    await kubectl('delete', 'pod,pvc', '-l', 'app.kubernetes.io/instance=early', '--ignore-not-found', '--wait=false');
    const { code, stderr } = await resume('early').outcome;
    assert.equal(code, 1);
    assert.match(stderr, /^error: the run for preload "early" was interrupted before it captured anything$/m);
    assert.match(stderr, /^hint: run create without --resume, after: kubectl delete pod,pvc,configmap,secret /m);
  });

  test('somebody has replaced what it started with', async () => {
    await interrupted('forged', 'Pod/default/preload-forged');
    const configMap = JSON.parse(await kubectl('get', 'configmap/preload-forged', '-o', 'json'));
    const run = JSON.parse(gunzipSync(Buffer.from(configMap.binaryData['run.json.gz'], 'base64')).toString());
    run.settings.pod.image = 'r.io/evil:1';
    configMap.binaryData['run.json.gz'] = gzipSync(JSON.stringify(run)).toString('base64');
    const { name, namespace, labels } = configMap.metadata;
    await kubectl('delete', 'configmap/preload-forged');
    await stage.server.apply({ ...configMap, metadata: { name, namespace, labels } });
    const { code, stderr } = await resume('forged').outcome;
    assert.equal(code, 1);
    assert.match(stderr, /^error: configmap\/preload-forged is not what the interrupted run sent$/m);
  });
});
