import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { VolumeContents } from '../../model/contents.ts';
import type { CapturedImage } from '../../model/image.ts';
import { blobPath } from '../../model/oci.ts';
import { digestOrProblem } from './files.ts';
import type { Problems } from './problems.ts';
import { kindOf } from './read.ts';

const FOLDER = 'blobs/sha256';

/** Checks that no blob is missing, that each matches its name and belongs to an image. Returns the number of blobs. */
export const checkBlobs = async (
  volume: string,
  contents: VolumeContents,
  problems: Problems,
  onBytes: (count: number) => void,
): Promise<number> => {
  const users = usersOf(contents.images);
  if ((await kindOf(volume, FOLDER)) !== 'folder') {
    problems.add(FOLDER, 'is missing or not a folder');
    return 0;
  }
  for (const entry of await readdir(join(volume, 'blobs'))) {
    if (entry !== 'sha256') problems.add(join('blobs', entry), 'unexpected file or folder');
  }
  const found = await readdir(join(volume, FOLDER));
  for (const hex of found) {
    const path = join(FOLDER, hex);
    const digest = `sha256:${hex}`;
    const names = users.get(digest);
    if (!names) problems.add(path, 'unexpected file or folder');
    else if ((await kindOf(volume, path)) !== 'file') problems.add(path, 'is not a regular file', names);
    else if ((await digestOrProblem(volume, path, problems, onBytes)) !== digest) {
      problems.add(path, 'does not match the digest in its name', names);
    }
  }
  const there = new Set(found.map((hex) => `sha256:${hex}`));
  for (const [digest, names] of users) if (!there.has(digest)) problems.add(blobPath(digest), 'is missing', names);
  return found.length;
};

/** For each blob that must be on the volume, by digest: one name of each image that uses it. */
const usersOf = (images: readonly CapturedImage[]): Map<string, string[]> => {
  const users = new Map<string, string[]>();
  for (const { names, digest, manifest, config, documents = [], layers, blobs } of images) {
    const ofLayers = blobs ? layers.map((layer) => layer.digest) : [];
    for (const blob of new Set([digest, manifest, config, ...documents, ...ofLayers])) {
      users.set(blob, [...(users.get(blob) ?? []), names[0] ?? '']);
    }
  }
  return users;
};
