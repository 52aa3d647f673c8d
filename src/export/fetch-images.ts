import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CapturedImage, distinctBytes } from '../model/contents.ts';
import { PreloadError } from '../model/errors.ts';
import { imageName, keptNames } from '../model/image-reference.ts';
import { writeBlob } from '../volume/write.ts';
import type { CaptureOptions } from './capture.ts';
import type { Ctr } from './ctr.ts';
import { type Fetcher, pullImage, type ResolvedImage, resolveImage } from './fetch-image.ts';
import { forEachParallel } from './parallel.ts';
import type { WantedImage } from './wanted.ts';

const PARALLEL = 4;
const TRIES = 3;
const CERTS_D = '/etc/containerd/certs.d';
const HOPELESS = /not found|denied|unauthorized|authorization failed|no basic auth|has no image for|is for /i;
const HINT = 'check the name, and that the node may pull it from its registry';
export const VOLUME_FULL = 'no space left on device';

/**
 * Fetches `wanted` into the containerd of `ctr` and writes their documents to the volume; names of one digest share one
 * image. What fails is skipped and reported, unless it is required.
 */
export const fetchImages = async (
  wanted: readonly WantedImage[],
  ctr: Ctr,
  platform: string,
  options: CaptureOptions,
): Promise<CapturedImage[]> => {
  const { report, volume, signal } = options;
  const fetcher: Fetcher = { ctr, registryFlags: await registryFlags(options.root), platform, signal };
  const underWay = new Map<string, Promise<CapturedImage>>();
  const captured = new Set<CapturedImage>();
  let done = 0;

  const captureOne = async (item: WantedImage): Promise<void> => {
    const resolved = await retry(signal, () => resolveImage(fetcher, item.source));
    const { digest } = resolved.target;
    const image = underWay.get(digest) ?? retry(signal, () => fetchOne(fetcher, item, resolved, volume));
    underWay.set(digest, image);
    image.catch(() => underWay.delete(digest)); // another repository may have the same digest
    const result = await image;
    const names = keptNames(item.name, digest).filter((name) => !result.names.includes(name));
    result.names.push(...names);
    result.sandbox ||= item.sandbox;
    captured.add(result);
  };

  await forEachParallel(wanted, PARALLEL, async (item) => {
    try {
      await captureOne(item);
    } catch (error) {
      const reason = (error as Error).message;
      if (signal.aborted || reason.includes(VOLUME_FULL)) throw error;
      if (item.required) throw new PreloadError(`${imageName(item.name)}: ${reason}`, HINT);
      report({ type: 'skipped', name: imageName(item.name), reason, ...(item.usedBy && { usedBy: item.usedBy }) });
    }
    done += 1;
    report({ type: 'progress', done, total: wanted.length, bytes: distinctBytes([...captured]) });
  });
  if (captured.size === 0) throw new PreloadError('none of the images could be captured');
  return [...captured];
};

const fetchOne = async (
  fetcher: Fetcher,
  item: WantedImage,
  resolved: ResolvedImage,
  volume: string,
): Promise<CapturedImage> => {
  const { target, manifest, config, layers } = await pullImage(fetcher, item.source, resolved);
  for (const { digest, data } of [target, manifest, config]) await writeBlob(volume, digest, data);
  return {
    names: [],
    digest: target.digest,
    manifest: manifest.digest,
    config: config.digest,
    layers,
    source: 'registry',
    sandbox: false,
  };
};

const registryFlags = async (root: string): Promise<string[]> => {
  const configured = await access(join(root, CERTS_D)).then(
    () => true,
    () => false,
  );
  return configured ? ['--hosts-dir', CERTS_D] : [];
};

/** Registries fail for a moment; what they refuse they refuse again. */
const retry = async <T>(signal: AbortSignal, attempt: () => Promise<T>): Promise<T> => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      const { message } = error as Error;
      const hopeless = HOPELESS.test(message) || message.includes(VOLUME_FULL);
      if (hopeless || tries === TRIES || signal.aborted) throw error;
      await sleep(1000 * tries, undefined, { signal });
    }
  }
};
