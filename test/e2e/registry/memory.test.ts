import assert from 'node:assert/strict';
import { mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { run } from '../../cluster/machine/run.ts';
import { pushImage } from './image.ts';
import { startRegistry } from './server.ts';

const MEASURE = join(import.meta.dirname, 'measure-download.ts');
const MIB = 1024 * 1024;

const folder = await mkdtemp(join(tmpdir(), 'preload-registry-memory-'));
const registry = await startRegistry(folder, 'open');
const file = join(folder, 'layer-file');

after(async () => {
  await registry.stop();
  await rm(folder, { recursive: true });
});

const peak = async (path: string, { digest, size }: { digest: string; size: number }): Promise<number> => {
  const argv = [process.execPath, '--disable-warning=ExperimentalWarning', MEASURE];
  return JSON.parse(await run([...argv, registry.address, path, digest, `${size}`, file])).peakMiB;
};

test('memory use does not grow with the size of a blob', async (t) => {
  const small = await pushImage(registry.address, 'small', folder, MIB);
  const large = await pushImage(registry.address, 'large', folder, 300 * MIB);
  const [little, much] = [await peak('small', small.layer), await peak('large', large.layer)];
  await truncate(file, 150 * MIB);
  await run(['mv', file, `${file}.partial`]);
  const resumed = await peak('large', large.layer);
  t.diagnostic(
    `peak memory: ${little} MiB for 1 MiB, ${much} MiB for 300 MiB, ${resumed} MiB for the second half of it`,
  );
  for (const used of [much, resumed]) assert.ok(used < 200);
});
