import * as v from 'valibot';
import { CONTENTS } from './contents.ts';
import { PLATFORM_NAME } from './image.ts';
import { DIGEST, LINE, object, SIZE } from './parse.ts';

/** Has no character that a shell, YAML, JSON or HCL could understand as anything but text. */
const WORD = v.pipe(LINE, v.regex(/^[\w.:/@=+-]+$/, 'must consist of letters, digits and ._:/@=+-'));

/** A ready preload, as new nodes need to know it. Recipes put all of it into configuration. */
export const NODE_DISK = object({
  /** of the preload */
  name: WORD,
  namespace: WORD,
  /** ID in the cloud or storage system, such as `snap-0a1b2c3d4e5f67890` */
  snapshotId: WORD,
  /** CSI driver of the snapshot */
  driver: WORD,
  /** UUID of the volume's filesystem */
  filesystem: v.pipe(LINE, v.regex(/^[0-9A-Fa-f-]+$/, 'must be a UUID')),
  /** `linux/amd64` */
  platform: PLATFORM_NAME,
  /** ID of the contents, as restore.sh has it */
  set: CONTENTS.entries.set,
  /** digest of the volume's preload.json, for restore.sh --expect */
  contentsDigest: DIGEST,
  /** bytes that a disk made from the snapshot must have at least; 0 if its driver does not report it */
  size: SIZE,
  /** region of the node that was captured, or its zone; undefined if it is not known */
  region: v.optional(WORD),
});

export type NodeDisk = v.InferOutput<typeof NODE_DISK>;
