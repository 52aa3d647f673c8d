import { type Contents, distinctLayers } from '../model/contents.ts';
import { PreloadError } from '../model/errors.ts';
import type { ResolvedImage } from '../model/image.ts';
import { hasBlobs } from '../model/layout.ts';
import { isVolumeFull } from '../node/command.ts';
import { documentsOf, writeArchivePerImage } from '../volume/archives.ts';
import { firstFiles } from '../volume/first-files.ts';
import { layerList, nameList, setOf } from '../volume/format.ts';
import { takePlaces } from '../volume/place.ts';
import { writeVolume } from '../volume/write.ts';
import { blobFetcher, writeBlobs } from './blobs.ts';
import { checkImport, finishSeed } from './check-import.ts';
import type { Capture } from './context.ts';
import { capturedImage, restoreDefaults } from './describe.ts';
import { layerSums, sealedSums } from './digests.ts';
import { writeBack } from './flush.ts';
import { findHotFiles, onVolume } from './hot-files.ts';
import { writeLayers } from './layers.ts';
import { progressMeter } from './meter.ts';
import { NOTHING, planImages } from './plan.ts';
import { giveUp } from './resolve.ts';
import { clearVolume, finishVolume, tidyVolume } from './volume.ts';

/** Writes all images and their metadata to the volume. Throws PreloadError. */
export const writeImages = async (capture: Capture, uuid: string | null): Promise<Contents> => {
  const { request, form, volume, report, version, withScript } = capture;
  const { images: chosen, planned, replan, kept } = await planImages(capture);
  const hot = form.layers ? await findHotFiles(capture) : []; // before copies fill the page cache
  const sealed = await sealedSums(volume);
  await clearVolume(volume, kept);
  const disk = writeBack(volume, capture.signal);
  await disk.end(); // an older capture is unfinished now, even after a power failure
  await takePlaces(
    volume,
    firstFiles({
      images: chosen.map((image) => capturedImage(image, planned, new Set(hasBlobs(request.layout) ? chosen : []))),
      captured: chosen,
      hotFiles: hot,
      withScript,
      withSeed: form.layers && request.seed,
    }),
  );

  const meter = progressMeter(capture, chosen, planned);
  const fetchBlob = blobFetcher(capture, meter);
  const sums = layerSums(capture, new Map([...sealed].filter(([chainId]) => kept.layers.has(chainId))));
  const layerDone = (chainId: string, bytes?: number) => {
    meter.partDone(chainId, bytes);
    sums.add(chainId);
    disk.begin();
  };
  const checking = checkImport(capture, chosen); // takes a second, while layers are copied
  checking.catch(() => {});
  const { complete: unpacked, plan } = form.layers
    ? await writeLayers(capture, chosen, planned, { fetchBlob, layerDone, replan }).finally(() =>
        Promise.allSettled([checking]),
      )
    : { complete: chosen, plan: planned };
  const { problems, seed } = await checking.catch((error) => {
    if (!isVolumeFull(error)) throw error;
    return checkImport(capture, unpacked); // an image that filled the volume has been removed
  });
  const good = unpacked.filter((image) => {
    const problem = problems.get(image);
    if (problem) giveUp(capture, image.wanted, new PreloadError(`containerd cannot import it: ${problem}`));
    return !problem;
  });
  const withBlobs = form.blobs
    ? await writeBlobs(good, fetchBlob, (image, error) => onBlobFailure(capture, image, error))
    : [];
  const complete = form.layers ? good : withBlobs;
  if (complete.length === 0) throw new PreloadError(NOTHING);
  if (form.archives) await writeArchivePerImage(volume, withBlobs);

  const { layout, platform } = request;
  const keptBlobs = new Set(hasBlobs(layout) ? withBlobs : []);
  const images = complete.map((image) => capturedImage(image, plan, keptBlobs));
  const blobs = [...complete.flatMap(documentsOf), ...[...keptBlobs].flatMap(({ layers }) => layers)];
  const chainIds = form.layers ? distinctLayers(images).map(({ chainId }) => chainId) : [];
  await tidyVolume(volume, new Set(chainIds), new Set(blobs.map(({ digest }) => digest)));
  for (const image of images) report({ type: 'image', image });
  const contents = { version, created: new Date().toISOString(), platform, layout, uuid, images };
  const set = setOf(layerList(images), nameList(images));
  // a sealed volume is trusted even after a power failure, so its data must be on disk first
  const [digests, seedMaker] = await Promise.all([
    sums.of(chainIds),
    seed && finishSeed(capture, seed, complete, images, set),
    disk.end(),
  ]);
  const defaults = restoreDefaults(request.tools);
  const contentsOnVolume = await writeVolume(volume, {
    contents,
    captured: complete,
    layerSums: digests,
    ...(seedMaker && { seed: seedMaker }),
    hotFiles: await onVolume(volume, hot, new Set(chainIds)),
    withScript,
    defaults,
  });
  await finishVolume(volume);
  await disk.end();
  return contentsOnVolume;
};

/** Warns that an image has no blobs, or gives up on it if the volume has no unpacked layers. */
const onBlobFailure = (capture: Capture, image: ResolvedImage, error: unknown): void => {
  capture.signal.throwIfAborted();
  const message = `captured ${image.names[0]} without its blobs, so nodes cannot import it: ${(error as Error).message}`;
  if (capture.form.layers) capture.report({ type: 'warning', message });
  else giveUp(capture, image.wanted, error);
};
