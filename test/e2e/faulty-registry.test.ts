import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { digestOf, parseManifest } from '../../src/model/oci.ts';
import type { SharedLogins } from '../../src/model/pull-secret.ts';
import { document } from '../cluster/images/oci-image.ts';
import { pushBlob, putManifest } from '../cluster/images/registry.ts';
import { requested } from '../harness/capture-request.ts';
import { differences } from '../harness/differences.ts';
import { type Ended, startExportNode, startLoader } from '../harness/loader-process.ts';
import { mountNewVolume } from '../harness/loop-volume.ts';
import type { PrivateNode } from '../harness/private-node.ts';
import { sample, sampleManifest } from '../harness/sample.ts';
import { describeVolume } from '../harness/sealed-volume.ts';
import { type Behaviour, first, slowly, startProxy, status } from './registry/proxy-server.ts';
import { storeOf } from './support/node-store.ts';

const LOGIN = 'Basic cHJlbG9hZDpzZXNhbWUtNGU1ZA=='; // preload:sesame-4e5d
const REALM = { 'www-authenticate': 'Basic realm="test"' };

const folder = await mkdtemp(join(tmpdir(), 'preload-faulty-'));
const registry = process.env.REGISTRY ?? '';
const proxy = await startProxy(registry);
const elsewhere = await startProxy(registry);
const dockerImage = await sampleManifest('docker:1');
const { config, layers } = parseManifest(dockerImage);
const layer = layers.at(-1)?.digest ?? '';
const good = sample('twice:1');
const bad = `${proxy.address}/sample/docker:1`;
let node: PrivateNode;
let asFound: string[];
/** what is sealed of both images, and without the one behind the proxy */
let [both, rest] = ['', ''];

before(async () => {
  node = await startExportNode(join(folder, 'root'), '2');
  await node.ctr('images', 'pull', '--platform', 'linux/amd64', sample('pause:3.10'));
  asFound = await storeOf(node.ctr);
  both = (await capture([good, bad], true)).sealed;
  rest = (await capture([good], true)).sealed;
});

after(async () => {
  await node.stop();
  for (const { stop } of [proxy, elsewhere]) await stop();
  await rm(folder, { recursive: true });
});

/** Captures the images onto a new volume; `sealed` describes its contents, or is empty if it was not sealed. */
const capture = async (images: string[], required: boolean): Promise<Ended & { sealed: string }> => {
  const volume = await mountNewVolume(node, folder, 'volume', 256);
  const request = {
    images: images.map((name) => requested(name, { required: required || name === good, namespaces: ['a'] })),
  };
  const flags = ['--pull-secrets', await pullSecrets()];
  const ended = await (await startLoader(node, folder, volume.path, request, ...flags)).ended;
  const isSealed = (await readdir(volume.seen)).includes('preload.json');
  const sealed = isSealed ? await describeVolume(volume.seen) : '';
  await volume.check();
  await volume.remove();
  assert.ok(!`${ended.stderr}${JSON.stringify(ended.events)}`.includes('sesame-4e5d'));
  return { ...ended, sealed };
};

const pullSecrets = async (): Promise<string> => {
  const secrets = join(folder, 'secrets');
  await mkdir(secrets, { recursive: true });
  const auths = { [proxy.address]: { auth: LOGIN.replace('Basic ', '') } };
  const shared: SharedLogins = { secrets: [{ namespace: 'a', name: 'login' }], auths };
  await writeFile(join(secrets, 'logins'), JSON.stringify(shared));
  return secrets;
};

const manifest = /\/manifests\//;
const ofLayer = new RegExp(`/blobs/${layer}`);
const ofConfig = new RegExp(`/blobs/${config.digest}`);

let spoilt = 0;
/** Spoils requests of one kind; every one is counted. */
const at =
  (kind: RegExp, spoil: Behaviour): Behaviour =>
  (question, answer, pass) => {
    if (!kind.test(question.url ?? '')) return pass();
    spoil(question, answer, (...how) => {
      pass(...how);
    });
    spoilt += 1;
  };

const cut: Behaviour = (_question, _answer, pass) => pass((body) => body.subarray(0, body.length / 2));
const other: Behaviour = (_question, _answer, pass) => pass((body) => Buffer.from(body).fill('x', 10, 20));
const reset: Behaviour = (_question, _answer, pass) =>
  pass(undefined, (answer, body) => {
    answer.write(body.subarray(0, body.length / 2), () => answer.socket?.resetAndDestroy());
  });

const locked =
  (open: Behaviour): Behaviour =>
  (question, answer, pass) => {
    if (question.headers.authorization === LOGIN) open(question, answer, pass);
    else status(401, REALM)(question, answer, pass);
  };
const redirect: Behaviour = (question, answer, pass) =>
  status(307, { location: `http://${elsewhere.address}${question.url}` })(question, answer, pass);

describe('a temporary fault does no harm', () => {
  for (const [name, behaviour] of Object.entries<Behaviour>({
    'a layer whose download breaks twice': at(ofLayer, first(2, reset)),
    '429 that asks to wait a second': at(ofLayer, first(1, status(429, { 'retry-after': '1' }))),
    '503 for everything at first': at(/./, first(3, status(503, { 'retry-after': '0' }))),
    'the wrong layer once': at(ofLayer, first(1, other)),
    'the wrong configuration once': at(ofConfig, first(1, other)),
    'a truncated manifest once': at(manifest, first(1, cut)),
    'a slow registry': at(ofLayer, slowly(16 * 1024, 20)),
    'layers on another host, after a login': locked(at(ofLayer, redirect)),
  })) {
    test(name, async () => {
      proxy.behave(behaviour);
      elsewhere.behave((_question, _answer, pass) => pass());
      spoilt = 0;
      const { code, stderr, sealed, events } = await capture([good, bad], true);
      assert.equal(code, 0, stderr);
      assert.ok(spoilt > 0, 'the fault came');
      assert.deepEqual(differences(sealed, both), []);
      assert.deepEqual(
        events.filter(({ type }) => type === 'warning' || type === 'skipped'),
        [],
      );
      assert.deepEqual(
        elsewhere.requests.filter(({ headers }) => headers.authorization),
        [],
      );
    });
  }
});

describe('a permanent fault skips an optional image, and fails a required one', () => {
  for (const [name, { behaviour, image = bad, reason }] of Object.entries<{
    behaviour: Behaviour;
    image?: string;
    reason: RegExp;
  }>({
    '503 for a layer': {
      behaviour: at(ofLayer, status(503, { 'retry-after': '0' })),
      reason: /answered 503 for sample\/docker\/blobs\/sha256:/,
    },
    '429 that asks to wait an hour': {
      behaviour: at(ofLayer, status(429, { 'retry-after': '3600' })),
      reason: /reports too many requests \(429\); the server asks to wait 3600 s/,
    },
    'a missing layer': { behaviour: at(ofLayer, status(404)), reason: /does not have sample\/docker\/blobs\/sha256:/ },
    'the wrong layer': { behaviour: at(ofLayer, other), reason: /content that does not match sha256:/ },
    'the wrong configuration': { behaviour: at(ofConfig, other), reason: /content that does not match sha256:/ },
    'a truncated manifest': { behaviour: at(manifest, cut), reason: /content that does not match sha256:/ },
    'a wrong login': { behaviour: at(/./, status(401, REALM)), reason: /rejected pull secret a\/login for/ },
    'a configuration that belongs to other layers': {
      behaviour: at(/./, (_question, _answer, pass) => pass()),
      image: `${proxy.address}/sample/docker:lying`,
      reason: /./,
    },
  })) {
    test(name, async () => {
      if (image !== bad) await pushLying();
      for (const required of [false, true]) {
        proxy.behave(behaviour);
        spoilt = 0;
        const { code, stderr, sealed, events } = await capture([good, image], required);
        assert.ok(spoilt > 0, 'the fault came');
        assert.equal(code, required ? 1 : 0, stderr);
        const skipped = events.flatMap((event) => (event.type === 'skipped' ? [event.name, event.reason] : []));
        if (required) {
          assert.equal(sealed, '');
          assert.match(stderr, new RegExp(`^error: ${image}: .*${reason.source}.*\nhint: `, 'm'));
        } else {
          assert.deepEqual(differences(sealed, rest), []);
          assert.equal(skipped[0], image);
          assert.match(skipped[1] ?? '', reason);
        }
      }
    });
  }
});

/** Pushes an image whose configuration has the wrong diff ID for a layer. */
const pushLying = async (): Promise<void> => {
  const repository = `http://${registry}/v2/sample/docker`;
  const truth = JSON.parse(await (await fetch(`${repository}/blobs/${config.digest}`)).text());
  truth.rootfs.diff_ids[1] = digestOf('something else');
  const lie = document('application/vnd.docker.container.image.v1+json', truth);
  await writeFile(join(folder, 'lie'), lie.content);
  await pushBlob(repository, lie.descriptor.digest, join(folder, 'lie'));
  const parts = { ...JSON.parse(dockerImage.data.toString()), config: lie.descriptor };
  await putManifest(repository, 'lying', document(parts.mediaType, parts));
};

test('the node is unchanged', async () => {
  assert.deepEqual(await storeOf(node.ctr), asFound);
});
