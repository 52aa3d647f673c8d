import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { binaryFolder, provide } from '../../cluster/components.ts';
import { document, imageDocuments, indexDocument } from '../../cluster/images/oci-image.ts';
import { until } from '../../cluster/machine/until.ts';
import { containerdSource } from '../../cluster/node/config.ts';
import { requested } from '../../harness/capture-request.ts';
import { differences } from '../../harness/differences.ts';
import { startLoader } from '../../harness/loader-process.ts';
import { mountNewVolume } from '../../harness/loop-volume.ts';
import { type PrivateNode, startPrivateNode } from '../../harness/private-node.ts';
import { describeVolume } from '../../harness/sealed-volume.ts';
import { startRegistry } from '../registry/server.ts';
import { PLATFORM, pushHonestImage } from './honest-image.ts';
import { endsEarly, type Lie, startLyingRegistry, trickles } from './lying-registry.ts';
import { watchNode } from './watch-node.ts';

const folder = await mkdtemp(join(tmpdir(), 'preload-hostile-'));
const registry = await startRegistry(folder, 'registry');
const front = await startLyingRegistry(registry.address);
const honest = `${front.address}/sample/honest:1`;
const lying = `${front.address}/lying:1`;
let node: PrivateNode;
/** what is sealed of the honest image alone */
let alone = '';

/** Captures the images onto a new volume, of which the honest one must succeed, and watches the node meanwhile. */
const capture = async (images: string[]) => {
  const volume = await mountNewVolume(node, folder, 'volume', 256);
  const { changes, end } = await watchNode(node, join(folder, 'root'));
  const request = { images: images.map((name) => requested(name, { required: name === honest })) };
  const loader = await startLoader(node, folder, volume.path, request);
  let over = false;
  loader.ended.finally(() => {
    over = true;
  });
  await until('the end, or a change of the node', async () => over || changes.length > 0, 120);
  if (!over) await loader.kill();
  const { code, stderr, events } = await loader.ended;
  await end();
  const sealed = (await readdir(volume.seen)).includes('preload.json') ? await describeVolume(volume.seen) : '';
  await volume.remove();
  const skipped = events.flatMap((event) => (event.type === 'skipped' ? [[event.name, event.reason]] : []));
  return { code, stderr, skipped, sealed, changes };
};

// the loader sees the node's root beside its volume, at host/
const FROM_BLOBS = '../../../host';
const FROM_LAYERS = '../../host';
const POD = `${FROM_BLOBS}/etc/kubernetes/manifests/evil`;
const HEX = 'a'.repeat(64);

const TAR = document('application/vnd.oci.image.layer.v1.tar', { not: 'an archive' });
const { digest, size } = TAR.descriptor;
const INVALID_DIGEST = /^invalid \S+ ".*": must be sha256: and 64 lower-case hex digits$/;
const INVALID_SIZE = /^invalid \S+size .*: must be a whole number of bytes$/;

/** An image with one layer, as its manifest and its configuration describe that. */
const withLayer = (layer: { digest?: string; size?: unknown; diffID?: string }): Lie => {
  const described = {
    digest,
    diffID: digest,
    compression: 'none' as const,
    ...layer,
    size: (layer.size ?? size) as number,
  };
  const { manifest, config } = imageDocuments({
    ...{ layers: [described], platform: PLATFORM, command: ['true'], format: 'oci' },
  });
  return { root: manifest, contents: [config, TAR] };
};

const withConfig = (of: string): Lie => {
  const { root } = withLayer({});
  const manifest = JSON.parse(root.content);
  return { root: document(manifest.mediaType, { ...manifest, config: { ...manifest.config, digest: of } }) };
};

const withManifest = (of: string): Lie => {
  const entry = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: of, size, platform: PLATFORM };
  return { root: indexDocument([entry]) };
};

const LIES: Record<string, { lie: Lie; reason: RegExp }> = {
  'a layer that would become a static pod': { lie: withLayer({ digest: `sha256:${POD}` }), reason: INVALID_DIGEST },
  'a layer that would become a static pod, sent slowly': {
    lie: { ...withLayer({ digest: `sha256:${POD}` }), body: trickles },
    reason: INVALID_DIGEST,
  },
  'a layer that is a file on the node': {
    lie: withLayer({ digest: `sha256:${FROM_BLOBS}/etc/secrets/fs/file` }),
    reason: INVALID_DIGEST,
  },
  'a configuration that would become a static pod': { lie: withConfig(`sha256:${POD}`), reason: INVALID_DIGEST },
  'a manifest that would become a static pod': { lie: withManifest(`sha256:${POD}`), reason: INVALID_DIGEST },
  'a diff ID that is a folder on the node': {
    lie: withLayer({ diffID: `sha256:${FROM_LAYERS}/etc/secrets` }),
    reason: INVALID_DIGEST,
  },
  'a diff ID whose folder would be replaced': {
    lie: withLayer({ diffID: `sha256:${FROM_LAYERS}/var/lib/secrets/fs` }),
    reason: INVALID_DIGEST,
  },
  'a digest in upper case': { lie: withLayer({ digest: `sha256:${HEX.toUpperCase()}` }), reason: INVALID_DIGEST },
  'a digest with another algorithm': { lie: withLayer({ digest: `sha512:${HEX}` }), reason: INVALID_DIGEST },
  'a digest that is too long': { lie: withLayer({ digest: `sha256:${HEX}a` }), reason: INVALID_DIGEST },
  'a size that is a string': { lie: withLayer({ size: '1' }), reason: INVALID_SIZE },
  'a negative size': { lie: withLayer({ size: -1e15 }), reason: INVALID_SIZE },
  'a size larger than any disk': { lie: withLayer({ size: 1e30 }), reason: INVALID_SIZE },
  'a layer that ends early': {
    lie: { ...withLayer({ digest: `sha256:${HEX}`, size: 1_000_000 }), body: endsEarly },
    reason: /^the connection to .* failed \(UND_ERR_SOCKET\)$/,
  },
};

before(async () => {
  await pushHonestImage(registry.address, folder);
  await provide([containerdSource('2')], console.error);
  const config = `[plugins."io.containerd.grpc.v1.cri"]\nsandbox_image = "${honest}"\n`;
  node = await startPrivateNode(join(folder, 'root'), await binaryFolder(containerdSource('2')), config);
  const secrets = 'mkdir -p /etc/secrets/fs; echo secret >/etc/secrets/fs/file; cp -r /etc/secrets /var/lib/';
  const { code, stderr } = await node.run(['sh', '-euc', secrets]);
  assert.equal(code, 0, stderr);
  const captured = await capture([honest]);
  assert.equal(captured.code, 0, captured.stderr);
  alone = captured.sealed;
});

after(async () => {
  for (const { stop } of [node, front, registry]) await stop();
  await rm(folder, { recursive: true });
});

describe('a malicious image is skipped, and nothing from it reaches the node', () => {
  for (const [name, { lie, reason }] of Object.entries(LIES)) {
    test(name, async () => {
      front.tell(lie);
      const { code, stderr, skipped, sealed, changes } = await capture([honest, lying]);
      assert.deepEqual(changes, []);
      assert.equal(code, 0, stderr);
      assert.deepEqual(
        skipped.map(([image]) => image),
        [lying],
      );
      assert.match(skipped[0]?.[1] ?? '', reason);
      assert.deepEqual(differences(sealed, alone), []);
      const secrets = await node.run(['cat', '/etc/secrets/fs/file', '/var/lib/secrets/fs/file']);
      assert.equal(secrets.stdout, 'secret\nsecret\n');
    });
  }
});
