import type { Measure } from '../cli/progress.ts';
import type { ExportEvent } from '../model/events.ts';
import { formatAge, formatBytes } from '../model/units.ts';

type Captured = Extract<ExportEvent, { type: 'progress' }>;

/** The same for programs. */
export const measureProgress = ({ images, bytes }: Captured, elapsed: number): Measure => {
  const left = Math.round((elapsed * (bytes.total - bytes.done)) / bytes.done / 1000);
  return { images, bytes, ...(Number.isFinite(left) && { left }) };
};

/** `Capturing 41/64 images · 2.1Gi/3.4Gi · 240Mi/s · 6s left`; `elapsed` in milliseconds. */
export const describeProgress = ({ images, bytes }: Captured, elapsed: number): string => {
  const rate = (bytes.done / elapsed) * 1000;
  const left = ((bytes.total - bytes.done) / rate) * 1000;
  const speed = bytes.done > 0 && elapsed > 0 ? [`${formatBytes(rate)}/s`, `${formatAge(left)} left`] : [];
  const counts = `Capturing ${images.done}/${images.total} images`;
  return [counts, `${formatBytes(bytes.done)}/${formatBytes(bytes.total)}`, ...speed].join(' · ');
};

/** `skipped r.io/report:7 (used by cronjob/legacy/report): not found` */
export const describeSkipped = ({
  name,
  reason,
  usedBy,
}: Omit<Extract<ExportEvent, { type: 'skipped' }>, 'type'>): string =>
  `skipped ${name}${usedBy ? ` (used by ${usedBy})` : ''}: ${reason}`;
