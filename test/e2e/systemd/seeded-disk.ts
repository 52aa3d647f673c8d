import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VOLUME_CONTENTS } from '../../../src/model/contents.ts';
import { parse, parseJson } from '../../../src/model/parse.ts';
import { attachReadOnly } from '../../cluster/machine/disk.ts';
import type { ContainerdVersion } from '../../cluster/node/config.ts';
import { requested } from '../../harness/capture-request.ts';
import { startLoader } from '../../harness/loader-process.ts';
import { mountNewVolume } from '../../harness/loop-volume.ts';
import { startCaptureNode } from '../hostile/capture-node.ts';
import { pullSmallImage, type SmallImage } from '../restore/small-volume.ts';
import type { PreloadDisk } from './node.ts';
import { folder } from './own-node.ts';

/** Captures images, which a containerd of this version has pulled, onto a disk, with a seed. The last one is the pause image. */
export const captureDisk = async (
  name: string,
  images: readonly SmallImage[],
  version: ContainerdVersion,
): Promise<PreloadDisk> => {
  const files = join(folder, `captured-${name}`);
  const node = await startCaptureNode(files, images.at(-1)?.name ?? '', version);
  try {
    for (const image of images) await pullSmallImage(node, files, image);
    const volume = await mountNewVolume(node, files, 'volume', 512);
    const loader = await startLoader(node, files, volume.path, {
      images: images.map((image) => requested(image.name)),
    });
    const { code, stderr, events } = await loader.ended;
    const warnings = events.filter((event) => event.type === 'warning');
    assert.deepEqual([code, warnings], [0, []], stderr);
    const contents = parse(VOLUME_CONTENTS, parseJson(await readFile(join(volume.seen, 'preload.json'), 'utf8')));
    await volume.check();
    await node.run(['umount', volume.path]);
    return { device: await attachReadOnly(join(files, 'volume.img')), uuid: contents.uuid ?? '', set: contents.set };
  } finally {
    await node.stop();
  }
};
