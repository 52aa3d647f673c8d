import type { Context } from '../cli/context.ts';
import { type CapturedImage, distinctBytes, type PreloadRecord } from '../model/contents.ts';
import { formatAge } from '../model/duration.ts';
import { PreloadError } from '../model/errors.ts';
import type { NumberedEvent } from '../model/events.ts';
import { formatBytes } from '../model/quantity.ts';

export interface Capture {
  record: PreloadRecord;
  /** the volume's filesystem is read-only, so that it can be snapshotted at once */
  readOnly: boolean;
}

/** Shows the loader's events until it sealed the volume; undefined where they end before that. */
export const followCapture = async (
  events: AsyncIterable<NumberedEvent>,
  node: string,
  { progress, now }: Context,
): Promise<Capture | undefined> => {
  const started = now();
  const images: CapturedImage[] = [];
  progress.start('Capturing images');
  for await (const event of events) {
    if (event.type === 'progress') {
      progress.update(`Capturing ${event.done}/${event.total} images · ${formatBytes(event.bytes)} pulled`);
    } else if (event.type === 'skipped') {
      progress.warn(`skipped ${event.name}${event.usedBy ? ` (used by ${event.usedBy})` : ''}: ${event.reason}`);
    } else if (event.type === 'failed') {
      throw new PreloadError(`capturing failed: ${event.message}`, event.hint);
    } else if (event.type === 'image') {
      images.push(event.image);
    } else if (event.type === 'sealed') {
      const pulled = distinctBytes(images);
      const took = formatAge(now() - started);
      progress.done(`${images.length} images captured in ${took}: ${formatBytes(pulled)} pulled`);
      const { contents, layers, usedBytes, readOnly } = event;
      return { record: { ...contents, images, node, layers, usedBytes }, readOnly };
    }
  }
  return undefined;
};
