import type { Context } from '../../cli/context.ts';
import { distinctBytes, type SkippedImage } from '../../model/contents.ts';
import { PreloadError } from '../../model/errors.ts';
import type { ExportEvent, NumberedEvent } from '../../model/events.ts';
import type { CapturedImage, LayerSource } from '../../model/image.ts';
import type { Layout } from '../../model/layout.ts';
import { type PreloadRecord, recordImages } from '../../model/record.ts';
import { formatAge, formatBytes, formatQuantity, plural } from '../../model/units.ts';
import { layerList, nameList, setOf } from '../../volume/format.ts';
import { describeProgress, describeSkipped, measureProgress } from '../capture-progress.ts';
import { countWait, type Wait } from '../step.ts';

export interface SealedVolume {
  images: CapturedImage[];
  record: PreloadRecord;
  /** the volume's filesystem is read-only, so that it can be snapshotted at once */
  readOnly: boolean;
}

/** The volume was too small and nothing was written; it should have `size` bytes. */
export interface TooSmall {
  size: number;
  /** images with their sizes */
  largest: string[];
}

interface Capture {
  node: string;
  /** images that the loader was not asked for, since their names are not valid */
  skipped: readonly SkippedImage[];
  /** prefixes of names that it was told to leave out */
  exclude?: string[];
}

type Event<T extends ExportEvent['type']> = Extract<ExportEvent, { type: T }>;

/** Title of the step that this shows, until the loader has a plan. */
export const RESOLVING = 'Resolving images';

/** Shows the loader's events until it has sealed the volume; undefined if they end before that. */
export const followCapture = async (
  events: AsyncIterable<NumberedEvent>,
  { node, skipped: left, exclude = [] }: Capture,
  context: Pick<Context, 'progress' | 'now' | 'deadline'>,
): Promise<SealedVolume | TooSmall | undefined> => {
  const { progress, now } = context;
  const started = now();
  const resolving = countWait(context, RESOLVING);
  const images: CapturedImage[] = [];
  const skipped: SkippedImage[] = [];
  let lists: Event<'recorded'>['lists'] | undefined;
  let sealed: Event<'sealed'> | undefined;
  let seen = 0;
  let lost = 0; // a node drops old lines of a long log
  for await (const event of stopping(events, resolving)) {
    lost += event.seq - seen - 1;
    seen = event.seq;
    if (event.type === 'plan') {
      const size = formatBytes(event.plan.copyBytes + event.plan.blobBytes + event.plan.pullBytes);
      resolving.stop();
      progress.start(`Capturing ${plural(event.plan.images, 'image')} · ${size}`);
    } else if (event.type === 'progress') {
      const elapsed = now() - started;
      progress.update(describeProgress(event, elapsed), measureProgress(event, elapsed));
    } else if (event.type === 'warning') {
      progress.warn(event.message);
    } else if (event.type === 'skipped') {
      skipped.push({ name: event.name, reason: event.reason });
      progress.warn(describeSkipped(event));
    } else if (event.type === 'failed') {
      throw new PreloadError(`capture failed: ${event.message}`, event.hint);
    } else if (event.type === 'too-small') {
      return { size: event.size, largest: event.largest };
    } else if (event.type === 'image') {
      images.push(event.image);
    } else if (event.type === 'recorded') {
      lists = event.lists;
    } else if (event.type === 'sealed') {
      sealed = event;
    }
    if (sealed && lists) break; // what was lost is reported again
  }
  if (!sealed) return undefined;
  const { contents, layers, usedBytes, readOnly } = sealed;
  const incomplete = !lists && setOf(layerList(images), nameList(images)) !== contents.set;
  if (lost > 0) progress.warn(describeLost(lost, incomplete));
  const { skipped: found, ...held } = lists ?? { ...recordImages(images), skipped };
  const recorded = { ...contents, ...held, node, layers, usedBytes, skipped: [...left, ...found] };
  const record = {
    ...recorded,
    ...(exclude.length > 0 && { exclude }),
    ...(incomplete && { incomplete }),
  };
  return { images, record, readOnly };
};

/** Yields `events`, and stops `wait` however they end. */
const stopping = async function* <T>(events: AsyncIterable<T>, wait: Wait): AsyncGenerator<T> {
  try {
    yield* events;
  } finally {
    wait.stop();
  }
};

const describeLost = (count: number, incomplete: boolean): string => {
  const effect = incomplete ? 'status does not list all images on the volume' : 'warnings may be missing here';
  return `lost ${plural(count, 'report')} of the loader, so ${effect}`;
};

/** What to say when the loader has ended its work; `elapsed` in milliseconds. */
export const describeOutcome = (outcome: SealedVolume | TooSmall, elapsed: number): string => {
  if (!('record' in outcome)) return `These images need a volume of ${formatQuantity(outcome.size)}`;
  const { images, record } = outcome;
  const { layout, skipped } = record;
  const captured = `${plural(record.images.length, 'image')} captured in ${formatAge(elapsed)}`;
  const left = skipped.length > 0 ? `, ${skipped.length} skipped` : '';
  return `${captured}${left}: ${describeSources(images, layout)}`;
};

/** Compressed bytes of the layers that the base did not have. */
export const newBytes = (images: readonly CapturedImage[]): number =>
  distinctBytes(images.map(({ layers }) => ({ layers: layers.filter(({ source }) => source !== 'volume') })));

/** How many layers (or blobs) came from each source, and how much was pulled. */
export const describeSources = (images: readonly CapturedImage[], layout: Layout): string => {
  const layers = new Map(images.flatMap((image) => image.layers.map((layer) => [layer.chainId, layer])));
  const from = (source: LayerSource) => [...layers.values()].filter((layer) => layer.source === source);
  const pulled = from('registry');
  const blobs = layout === 'layers,blobs' ? images.filter((image) => image.blobs).flatMap((image) => image.layers) : [];
  const parts = [
    [from('volume').length, 'kept'],
    [from('node').length, 'copied'],
    [from('blob').length, layout === 'blobs' ? 'copied' : 'unpacked'],
    [pulled.length, `pulled (${formatBytes(distinctBytes([{ layers: pulled }]))})`],
  ] as const;
  return [
    ...parts.filter(([count]) => count > 0).map(([count, what]) => `${plural(count, 'layer')} ${what}`),
    ...(blobs.length > 0 ? [`blobs kept (${formatBytes(distinctBytes([{ layers: blobs }]))})`] : []),
  ].join(', ');
};
