import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { sha256 } from '../../cluster/images/oci-image.ts';
import { topChain } from './ask-containerd.ts';
import {
  bomb,
  chainOfIndexes,
  deep,
  described,
  garbage,
  sent,
  swapped,
  told,
  withConfig,
  withDiffIDs,
  withEntry,
  withFiles,
  withHonestLayers,
  withLayer,
} from './bad-image.ts';
import { HONEST_LAYERS, REMOTE_LAYER } from './honest-image.ts';
import { AMD64, anything, image, indexOf, MANIFEST, missing, ownLayer } from './image-parts.ts';
import { answers, endsEarly, neverEnds, noHttp, says, trickles, wantsToken } from './lies.ts';
import type { Repository } from './table-registry.ts';
import { blobOf, layerOf } from './tar-layer.ts';

export interface HostileImage {
  answer: Repository;
  /** why it is skipped; without a reason, it may also be captured, but harms nothing */
  reason?: RegExp;
  /** patient: the client tries for half a minute; alone: it needs a capture of its own */
  needs?: 'patience' | 'a capture of its own';
}

// the loader sees the node's root beside its volume, at host/
const FROM_BLOBS = '../../../host';
const FROM_LAYERS = '../../host';
const POD = `sha256:${FROM_BLOBS}/etc/kubernetes/manifests/evil`;
const HEX = 'a'.repeat(64);
const ESCAPES = '\u001b]0;owned\u0007\u001b[2J';

const INVALID_DIGEST = /^invalid \S+ ".*: must be sha256: and 64 lower-case hex digits$/;
const INVALID_SIZE = /^invalid \S+size .*: must be a whole number of bytes$/;
const MANIFEST_TYPE = /^invalid mediaType ".*": must be the type of a manifest$/;
const CONTROL = /must have no control characters|media ?type|failed to extract layer/i;
const MISMATCH = /^\S+ returned content that does not match sha256:[0-9a-f]{64}$/;
const NOT_JSON = /^manifests\/1 of \S+ from \S+ is not JSON$/;
const NO_OBJECT = /^manifests\/1 of \S+ from \S+ is not a JSON object$/;
const WRONG_CHAIN = /layer|diff|chain/i;
const CANNOT_UNPACK = /extract|tar|gzip|zstd|magic|unexpected EOF|unpack/i;

const [base, middle, top] = HONEST_LAYERS.map(({ diffID }) => diffID);
const LAYER = 'application/vnd.oci.image.layer.v1.tar';
const METADATA = 'http://169.254.169.254/latest/meta-data/';

export const HOSTILE: Record<string, HostileImage> = {
  'a layer that would become a static pod': {
    answer: described({ digest: POD }, { '*': endsEarly }),
    reason: INVALID_DIGEST,
  },
  'a layer that would become a static pod, sent slowly': {
    answer: described({ digest: POD }, { '*': trickles }),
    reason: INVALID_DIGEST,
  },
  'a layer that is a file on the node': {
    answer: described({ digest: `sha256:${FROM_BLOBS}/etc/secrets/fs/file` }),
    reason: INVALID_DIGEST,
  },
  'a config that would become a static pod': { answer: withConfig({ digest: POD }), reason: INVALID_DIGEST },
  'a manifest that would become a static pod': { answer: withEntry({ digest: POD }), reason: INVALID_DIGEST },
  'a diff ID that is a folder on the node': {
    answer: withDiffIDs(`sha256:${FROM_LAYERS}/etc/secrets`),
    reason: INVALID_DIGEST,
  },
  'a diff ID whose folder would be replaced': {
    answer: withDiffIDs(`sha256:${FROM_LAYERS}/var/lib/secrets/fs`),
    reason: INVALID_DIGEST,
  },
  'a digest in upper case': { answer: described({ digest: `sha256:${HEX.toUpperCase()}` }), reason: INVALID_DIGEST },
  'a digest with another algorithm': { answer: described({ digest: `sha512:${HEX}${HEX}` }), reason: INVALID_DIGEST },
  'a digest that is too long': { answer: described({ digest: `sha256:${HEX}a` }), reason: INVALID_DIGEST },
  'a digest with a line break': { answer: described({ digest: `sha256:${HEX}\n` }), reason: INVALID_DIGEST },
  'a digest that is a list': {
    answer: described({ digest: [`sha256:${HEX}`] }),
    reason: /^invalid \S+ \[.*\]: must be sha256: and 64 lower-case hex digits$/,
  },
  'a config digest in upper case': {
    answer: withConfig({ digest: `sha256:${HEX.toUpperCase()}` }),
    reason: INVALID_DIGEST,
  },
  'an entry with a digest of another algorithm': {
    answer: withEntry({ digest: `sha512:${HEX}${HEX}` }),
    reason: INVALID_DIGEST,
  },
  'a diff ID in upper case': { answer: withDiffIDs(`sha256:${HEX.toUpperCase()}`), reason: INVALID_DIGEST },
  'a diff ID with another algorithm': { answer: withDiffIDs(`sha512:${HEX}${HEX}`), reason: INVALID_DIGEST },
  'diff IDs that are no list': {
    answer: image('bad', { config: { rootfs: { diff_ids: base } } }),
    reason: /must be an array/,
  },

  'a size that is a string': { answer: described({ size: '1' }), reason: INVALID_SIZE },
  'a negative size': { answer: described({ size: -1e15 }), reason: INVALID_SIZE },
  'a size larger than any disk': { answer: described({ size: 1e30 }), reason: INVALID_SIZE },
  'a size with a fraction': { answer: described({ size: 1.5 }), reason: INVALID_SIZE },
  'no size': { answer: described({ size: undefined }), reason: /^has no layers\.0\.size$/ },
  'a config whose size is a string': { answer: withConfig({ size: '1' }), reason: INVALID_SIZE },
  'an entry with a negative size': { answer: withEntry({ size: -1 }), reason: INVALID_SIZE },
  'five terabytes': {
    answer: described({ size: 5e12 }),
    reason: /large|too big|space|size/i,
    needs: 'a capture of its own',
  },

  'a manifest that is text': { answer: told(says('all is well')), reason: NOT_JSON },
  'a manifest that is HTML': {
    answer: told(says('<!doctype html><title>Log in</title>', { 'content-type': 'text/html' })),
    reason: NOT_JSON,
  },
  'an empty manifest': { answer: told(says('')), reason: NOT_JSON },
  'a manifest that is a list': { answer: told(says('[]')), reason: NO_OBJECT },
  'a manifest that is null': { answer: told(says('null')), reason: NO_OBJECT },
  'a manifest that is a number': { answer: told(says('1')), reason: NO_OBJECT },
  'a manifest that is an empty object': {
    answer: told(says('{}')),
    reason: /is neither an OCI nor a Docker schema 2 image/,
  },
  'a manifest of 9 MiB': {
    answer: told(says(Buffer.alloc(9 * 1024 * 1024, '{"a":1}'))),
    reason: /^\S+ returned more than 8388608 bytes$/,
  },
  'a manifest without an end': { answer: told(neverEnds), reason: /^\S+ returned more than 8388608 bytes$/ },
  'a manifest that is nested too deep': { answer: deep(image('bad')), reason: /deep|depth|nest/i },
  'a manifest that is nested too deep, with layers that the node has': {
    answer: deep(withHonestLayers({})),
    reason: /deep|depth|nest/i,
  },
  'a chain of 200 indexes': { answer: chainOfIndexes(200), reason: /index|deep|nest|neither/i },
  'an index of 2,000 entries': {
    answer: indexOf(Array.from({ length: 2000 }, () => [missing(image('bad')), AMD64])),
    reason: /must have at most 1000 items/,
  },
  '1,001 layers': {
    answer: image('bad', { layers: Array.from({ length: 1001 }, () => ownLayer()) }),
    reason: /must have at most \d+ items/,
  },
  'a manifest that is not what its index says': {
    answer: swapped(indexOf([[image('bad'), AMD64]]), 'manifests', /manifest/),
    reason: MISMATCH,
  },
  'a config that is not what its manifest says': { answer: swapped(image('bad'), 'blobs', /config/), reason: MISMATCH },
  'a manifest with the digest of another': {
    answer: told(says('{}', { 'docker-content-digest': `sha256:${HEX}` })),
    reason: MISMATCH,
  },

  'a layer with wrong bytes': {
    answer: ((layer = ownLayer()) => sent(says(Buffer.alloc(layer.content.length)), layer))(),
    reason: MISMATCH,
  },
  'a layer that is too long': {
    answer: ((layer = ownLayer()) => sent(says(Buffer.concat([layer.content, layer.content])), layer))(),
    reason: MISMATCH,
  },
  'a layer without an end': { answer: sent(neverEnds), reason: MISMATCH },
  'a layer that comes slowly and is wrong': {
    answer: ((layer = blobOf(randomBytes(500), sha256(HEX))) => sent(trickles, layer))(),
    reason: MISMATCH,
  },
  'a layer that is too short': {
    answer: sent(says('short')),
    reason: /^\S+ ended the download of sha256:\S+ early$/,
    needs: 'patience',
  },
  'a layer that ends earlier than announced': {
    answer: described({ digest: `sha256:${HEX}`, size: 1_000_000 }, { '*': endsEarly }),
    reason: /^the connection to .* failed \(UND_ERR_SOCKET\)$/,
    needs: 'patience',
  },
  'a layer that nobody has': { answer: image('bad', { served: [] }), reason: /^\S+ does not have \S+; check the name/ },
  'a foreign layer at the address of a metadata server': {
    answer: described(
      { mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', urls: [METADATA] },
      undefined,
      { served: [] },
    ),
    reason: /^its layer \S+ is not in the registry, and URLs in a manifest are not followed$/,
  },
  'a layer that is not gzip': { answer: withLayer(garbage()), reason: CANNOT_UNPACK },
  'a layer that is not an archive': {
    answer: withLayer(blobOf(gzipSync(randomBytes(2000)), sha256(HEX))),
    reason: CANNOT_UNPACK,
  },
  'a layer that is not zstd': { answer: withLayer(garbage(`${LAYER}+zstd`)), reason: CANNOT_UNPACK },
  'half of a layer': {
    answer: ((layer = layerOf([{ name: 'x', content: HEX.repeat(100) }])) =>
      withLayer(blobOf(layer.content.subarray(0, -20), layer.diffID)))(),
    reason: CANNOT_UNPACK,
  },
  'a gzip bomb': { answer: withLayer(bomb(300)), reason: /large|big|space|full/i, needs: 'a capture of its own' },

  'a path that leaves the layer': {
    answer: withFiles(
      { name: '../../../../../../../../../evil', content: 'evil' },
      { name: 'x/../../../../../../../etc/evil', content: 'evil' },
    ),
  },
  'an absolute path': { answer: withFiles({ name: '/etc/evil', content: 'evil' }, { name: '/evil', content: 'evil' }) },
  'a file through a link to the root': {
    answer: withFiles({ name: 'out', type: 'link', to: '/' }, { name: 'out/etc/evil', content: 'evil' }),
  },
  'a file through a link that leaves the layer': {
    answer: withFiles(
      { name: 'out', type: 'link', to: '../../../../../../../../..' },
      { name: 'out/evil', content: 'evil' },
    ),
  },
  'a whiteout that leaves the layer': {
    answer: withFiles({ name: '../../../../../../../../../etc/.wh.secrets' }, { name: '.wh...' }),
  },
  'a hard link to a file of the node': {
    answer: withFiles({ name: 'secret', type: 'hard link', to: '/etc/secrets/fs/file' }),
  },
  'a hard link that leaves the layer': {
    answer: withFiles({ name: 'secret', type: 'hard link', to: '../../../../../../../../../etc/secrets/fs/file' }),
  },
  'a device': { answer: withFiles({ name: 'disk', type: 'device' }) },

  'the chain ID of a layer that the node has': {
    answer: withDiffIDs(topChain([base ?? '', middle ?? ''])),
    reason: WRONG_CHAIN,
  },
  'the top chain ID of an image that the node has': {
    answer: withDiffIDs(topChain([base ?? '', middle ?? '', top ?? ''])),
    reason: WRONG_CHAIN,
  },
  'a chain ID of the node below another layer': {
    answer: image('bad', { layers: [ownLayer(), ownLayer()], diffIDs: [topChain([base ?? '', middle ?? '']), top] }),
    reason: WRONG_CHAIN,
  },
  'the diff IDs of an image that the node has, with other layers': {
    answer: image('bad', { layers: [ownLayer(), ownLayer(), ownLayer()], diffIDs: [base, middle, top] }),
  },
  'the diff ID of an honest layer in the registry, with another layer': { answer: withDiffIDs(REMOTE_LAYER.diffID) },
  'a diff ID of another layer': { answer: withDiffIDs(`sha256:${HEX}`), reason: /wrong diff id/ },
  'fewer diff IDs than layers': { answer: withDiffIDs(), reason: /do not match|don't match/ },
  'more diff IDs than layers': { answer: withDiffIDs(base, middle), reason: /do not match|don't match/ },

  'control characters in the type of a manifest': {
    answer: image('bad', { manifestType: MANIFEST + ESCAPES }),
    reason: MANIFEST_TYPE,
  },
  'control characters in the type of a manifest, with layers that the node has': {
    answer: withHonestLayers({ manifestType: MANIFEST + ESCAPES }),
    reason: MANIFEST_TYPE,
  },
  'an unknown type of manifest, with layers that the node has': {
    answer: withHonestLayers({ manifestType: 'x/y' }),
    reason: MANIFEST_TYPE,
  },
  'control characters in the type of a layer': { answer: described({ mediaType: LAYER + ESCAPES }), reason: CONTROL },
  'control characters in the type of a config': { answer: image('bad', { configType: ESCAPES }), reason: CONTROL },
  'control characters in an OS': {
    answer: image('bad', { platform: { os: ESCAPES, architecture: 'amd64' } }),
    reason: /must have no control characters/,
  },
  'control characters in an architecture': {
    answer: withEntry({}, { os: 'linux', architecture: ESCAPES }),
    reason: /must have no control characters/,
  },
  'an entry of a type with control characters': {
    answer: indexOf([[anything(`x/${ESCAPES}`, {}), AMD64]]),
    reason: /media ?type|control characters|neither/i,
  },

  'a redirection to a file': {
    answer: told(answers(307, { location: 'file:///etc/shadow' })),
    reason: /^\S+ refers to an invalid URL$/,
  },
  'a redirection in circles': {
    answer: told(answers(307, { location: '1' })),
    reason: /^too many redirects from \S+$/,
  },
  'a login without a challenge': {
    answer: told(answers(401)),
    reason: /^\S+ denied access to \S+; ask the registry's administrator/,
  },
  'a login without an end': {
    answer: { ...told(wantsToken('/v2/token/blobs/token')) },
    reason: /^\S+ requires credentials for \S+;/,
  },
  'a login at a file': {
    answer: sent(wantsToken('file:///etc/shadow')),
    reason: /^\S+ refers to an invalid URL$/,
  },
  'a server that asks to wait for days': {
    answer: told(answers(429, { 'retry-after': '1000000' })),
    reason: /too many requests \(429\); the server asks to wait 1000000 s$/,
  },
  'a server that always fails': { answer: sent(answers(500)), reason: /^\S+ answered 500 for \S+$/, needs: 'patience' },
  'a server that speaks another language': {
    answer: sent(noHttp),
    reason: /^the connection to \S+ failed \(\w+\)$/,
    needs: 'patience',
  },
  'a manifest that is longer than announced': {
    answer: told(says('{"schemaVersion":2}', { 'content-length': 5 })),
    reason: NOT_JSON,
  },
  'headers without an end': {
    answer: sent(says('{}', { 'x-long': 'x'.repeat(100_000) })),
    reason: /^the connection to \S+ failed \(\w+\)$/,
    needs: 'patience',
  },
};
