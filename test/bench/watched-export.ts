import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeEvent, type ExportEvent } from '../../src/model/events.ts';
import { plannedBytes } from '../../src/model/volume-size.ts';
import type { PrivateNode } from '../harness/private-node.ts';
import { BUNDLE } from '../harness/run-bundle.ts';
import { onNode } from './bench-node.ts';
import { type Disk, usedBytes } from './disk.ts';
import { PEAK_MEMORY } from './export-ways.ts';
import { peakOfGroup } from './peak-of-group.ts';
import { sample } from './sampling.ts';
import { coldSeconds } from './timing.ts';

/** What a capture took; bytes, if nothing else is said. */
interface WatchedExport {
  seconds: number;
  /** of the program itself */
  peakOfProgram: number;
  /** memory of all that it started as well, without the page cache */
  peakMemory: number;
  /** the most that was used of the volume, and what is in the end */
  peak: number;
  sealed: number;
  /** what `create` would request for the volume */
  requested: number;
  /** layers of each image added up, as one archive per image has them */
  archives: number;
}

/** Captures the images onto an empty volume that is mounted on the node. */
export const watchedExport = async (
  node: PrivateNode,
  volume: Disk,
  images: readonly string[],
): Promise<WatchedExport> => {
  const scratch = await mkdtemp(join(tmpdir(), 'preload-bench-export-'));
  const [list, peakFile] = [join(scratch, 'images'), join(scratch, 'peak')];
  const here = `/proc/${node.pid}/root${volume.path}`; // it is only mounted there
  const program = [process.execPath, '--disable-warning=ExperimentalWarning', '--import', PEAK_MEMORY, BUNDLE];
  const script = `PEAK_MEMORY_FILE=${peakFile} "$@" <${list} && sync`;
  const shell = ['sh', '-c', script, 'sh', ...program, 'export', '--to', volume.path, '--stdin', '--events'];
  await writeFile(list, images.join('\n'));
  let [output, seconds, peakMemory] = ['', 0, 0];
  try {
    const peak = await sample(
      () => usedBytes(here),
      async () => {
        peakMemory = await peakOfGroup(async (prefix) => {
          seconds = await coldSeconds(async () => {
            output = await onNode(node)([...prefix, ...shell]);
          });
        });
      },
    );
    const events = output.split('\n').flatMap((line) => decodeEvent(line) ?? []);
    const peakOfProgram = Number(await readFile(peakFile, 'utf8')) * 1024;
    return { seconds, peakOfProgram, peakMemory, peak, sealed: await usedBytes(here), ...sizesIn(events) };
  } finally {
    await rm(scratch, { recursive: true });
  }
};

const sizesIn = (events: readonly ExportEvent[]): Pick<WatchedExport, 'requested' | 'archives'> => {
  const plan = events.find((event) => event.type === 'plan');
  if (!plan) throw new Error('the loader did not report its plan');
  const layers = events.flatMap((event) => (event.type === 'image' ? event.image.layers : []));
  return { requested: plannedBytes(plan.plan), archives: layers.reduce((sum, { bytes }) => sum + bytes, 0) };
};
