import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { CaptureRequest } from '../../../src/model/request.ts';
import { binaryFolder, provide } from '../../cluster/components.ts';
import { imageDocuments, type LayerBlob } from '../../cluster/images/oci-image.ts';
import { pushBlob, putManifest } from '../../cluster/images/registry.ts';
import { until } from '../../cluster/machine/until.ts';
import { containerdSource } from '../../cluster/node/config.ts';
import { requested } from '../../harness/capture-request.ts';
import { differences } from '../../harness/differences.ts';
import { type Loader, startLoader } from '../../harness/loader-process.ts';
import { mountNewVolume } from '../../harness/loop-volume.ts';
import { type PrivateNode, startPrivateNode } from '../../harness/private-node.ts';
import { describeVolume } from '../../harness/sealed-volume.ts';
import { packLayer } from '../../harness/small-layer.ts';
import { type ProxyServer, startProxy } from '../registry/proxy-server.ts';
import { type RegistryServer, startRegistry } from '../registry/server.ts';

/** The kernel answers with an input/output error. */
const UNREADABLE = '/proc/sys/net/ipv6/conf/lo/stable_secret';
const PLATFORM = { os: 'linux', architecture: 'amd64' };
const folder = await mkdtemp(join(tmpdir(), 'preload-one-image-'));
let registry: RegistryServer;
let front: ProxyServer;
let node: PrivateNode;
let app = '';
let other = '';
/** what is sealed of each image alone, and of both */
const sealed: Record<string, string> = {};

/** Pushes an image with these layers and returns its name. If `alter` changes its manifest, only the proxy has that. */
const push = async (name: string, layers: string[], alter?: (manifest: ImageManifest) => object) => {
  const repository = `http://${registry.address}/v2/${name}`;
  const pushContent = async (digest: string, content: string | Buffer) => {
    await writeFile(join(folder, 'blob'), content);
    await pushBlob(repository, digest, join(folder, 'blob'));
  };
  const blobs: LayerBlob[] = [];
  for (const layer of layers) {
    const { blob, data } = await packLayer(folder, layer);
    await pushContent(blob.digest, data);
    blobs.push(blob);
  }
  const { manifest, config } = imageDocuments({
    ...{ layers: blobs, platform: PLATFORM, command: ['true'], format: 'oci' },
  });
  await pushContent(config.descriptor.digest, config.content);
  await putManifest(repository, '1', manifest);
  front.behave((question, answer, pass) => {
    if (alter && question.url?.includes(`/${name}/manifests/`))
      answer.end(JSON.stringify(alter(JSON.parse(manifest.content))));
    else pass();
  });
  return `${front.address}/${name}:1`;
};

interface ImageManifest {
  layers: object[];
}

const sources = (events: Loader['events']): string[] => [
  ...new Set(events.flatMap((event) => (event.type === 'image' ? event.image.layers.map(({ source }) => source) : []))),
];

/** Captures these images, which may be skipped, and what `during` does while it runs. */
const capture = async (
  images: string[],
  settings: Partial<CaptureRequest> = {},
  during: (loader: Loader) => Promise<void> = async () => {},
) => {
  const volume = await mountNewVolume(node, folder, 'volume', 256);
  const request = { ...settings, images: images.map((name) => requested(name, { required: false })) };
  const loader = await startLoader(node, folder, volume.path, request);
  await during(loader);
  const { code, stderr, events } = await loader.ended;
  assert.equal(code, 0, stderr);
  const contents = await describeVolume(volume.seen);
  await volume.remove();
  const skipped = events.flatMap((event) => (event.type === 'skipped' ? [[event.name, event.reason]] : []));
  const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
  return { contents, events, skipped, warnings };
};

before(async () => {
  registry = await startRegistry(folder, 'registry');
  front = await startProxy(registry.address);
  app = await push('app', ['hello', 'whiteouts', 'app']);
  other = await push('other', ['hello', 'other']);
  await provide([containerdSource('2')], console.error);
  const config = `[plugins."io.containerd.grpc.v1.cri"]\nsandbox_image = "${other}"\n`;
  node = await startPrivateNode(join(folder, 'root'), await binaryFolder(containerdSource('2')), config);
  sealed.both = (await capture([app, other])).contents;
  sealed.other = (await capture([other])).contents;
});

after(async () => {
  for (const server of [node, front, registry]) await server?.stop();
  await rm(folder, { recursive: true });
});

const pull = (image: string) => node.ctr('images', 'pull', '--plain-http', image);

describe('layers that the node cannot give are fetched instead', () => {
  /** Holds the manifest of an image that the node does not have, so that `meanwhile` comes after the look at the node. */
  const captureWhile = async (meanwhile: () => Promise<void>) => {
    const late = await push('late', ['late']);
    let release = () => {};
    const held = new Promise<void>((go) => {
      release = go;
    });
    front.behave((question, _answer, pass) => {
      if (question.url?.includes('/late/manifests/')) void held.then(() => pass());
      else pass();
    });
    const result = await capture([app, other, late], {}, async () => {
      await until('the question for the manifest', () => front.requests.some(({ url }) => url.includes('/late/')));
      await meanwhile().finally(release);
    });
    front.behave((_question, _answer, pass) => pass());
    return result;
  };

  const withoutLate = (contents: string) => contents.split('\n').filter((line) => !line.includes('late'));
  const appOf = (contents: string) => withoutLate(contents).filter((line) => line.includes('app'));

  test('if garbage collection took them meanwhile', async () => {
    for (const image of [app, other]) await pull(image);
    const { events, skipped, contents } = await captureWhile(() => node.removeImage(app));
    assert.deepEqual(skipped, []);
    assert.deepEqual(sources(events).sort(), ['node', 'registry']);
    assert.deepEqual(appOf(contents), appOf(sealed.both ?? ''));
  });

  test('if one of their files cannot be read', async () => {
    for (const image of [app, other]) await pull(image);
    const find = 'find /var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots -path "*/fs/app"';
    const broken = (await node.run(['sh', '-c', find])).stdout.trim();
    assert.match(broken, /fs\/app$/);
    const mounted = await node.run(['mount', '--bind', UNREADABLE, broken]);
    assert.equal(mounted.code, 0, mounted.stderr);
    const { events, skipped, warnings, contents } = await capture([app, other]);
    await node.run(['umount', broken]);
    assert.deepEqual(skipped, []);
    assert.match(
      warnings.join('\n'),
      /^fetching layers of .*\/app:1, because the node's cannot be copied: cp: .*Input\/output/,
    );
    assert.ok(sources(events).includes('node'));
    assert.deepEqual(differences(contents, sealed.both ?? ''), []);
  });

  test('if they must not be copied', async () => {
    for (const image of [app, other]) await pull(image);
    assert.deepEqual(sources((await capture([app, other])).events), ['node']);
    const { events, contents } = await capture([app, other], { copy: false });
    assert.ok(!sources(events).includes('node'));
    assert.deepEqual(differences(contents, sealed.both ?? ''), []);
    for (const image of [app, other]) await node.removeImage(image);
  });
});

describe('an image is skipped, and all others are captured', () => {
  const skips = async (image: string, reason: RegExp, settings: Partial<CaptureRequest> = {}) => {
    const { skipped, contents } = await capture([image, other], settings);
    assert.deepEqual(
      skipped.map(([name]) => name),
      [image],
    );
    assert.match(skipped[0]?.[1] ?? '', reason);
    assert.deepEqual(differences(contents, sealed.other ?? ''), []);
  };

  test('if containerd cannot import it, which would cost every image on every node', async () => {
    const broken = await push('broken', ['app'], (manifest) => ({ ...manifest, annotations: { number: 1 } }));
    await skips(broken, /^containerd cannot import it: .*cannot unmarshal number/);
  });

  test('if it claims to be absurdly large', async () => {
    const huge = await push('huge', ['app'], ({ layers: [layer], ...manifest }) => ({
      ...manifest,
      layers: [{ ...layer, size: 5e12 }],
    }));
    await skips(huge, /^it needs \d+Gi, far more than expected; to capture it, run create again with a larger --size$/);
    await skips(huge, /^it needs /, { estimate: 64 * 1024 ** 2 });
  });

  test('if it does not arrive in time', async () => {
    const slow = await push('slow', ['slow']);
    front.behave((question, answer, pass) => {
      if (!question.url?.includes('/slow/blobs/')) return pass();
      answer.writeHead(200, { 'content-length': 10_240 });
      answer.write('x');
    });
    await skips(slow, /^did not arrive within 3s; raise --timeout, or leave it out with --exclude$/, { budget: 3000 });
    front.behave((_question, _answer, pass) => pass());
  });
});

test('a node that has no pause image in its configuration is reported', async (t) => {
  const config = '[plugins."io.containerd.grpc.v1.cri"]\nsandbox_image = ""\n';
  const bare = await startPrivateNode(join(folder, 'bare'), await binaryFolder(containerdSource('2')), config);
  t.after(bare.stop);
  const volume = await mountNewVolume(bare, folder, 'bare-volume', 256);
  const { code, stderr, events } = await (await startLoader(bare, folder, volume.path, { images: [requested(other)] }))
    .ended;
  assert.equal(code, 0, stderr);
  const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
  assert.deepEqual(warnings, [
    'cannot tell which pause image the node uses; capture it by its name, or nodes must pull it',
  ]);
});
