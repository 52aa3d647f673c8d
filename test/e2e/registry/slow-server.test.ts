import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestOf } from '../../../src/model/oci.ts';
import { createRegistryClient } from '../../../src/registry/client.ts';
import { PATIENCE as DEFAULT, type Patience } from '../../../src/registry/persist.ts';
import { pushImage } from './image.ts';
import { type Behaviour, first, slowly, startProxy } from './proxy-server.ts';
import { startRegistry } from './server.ts';

const SIZE = 3_000_000;
const PATIENCE: Patience = { ...DEFAULT, window: 400, leastRate: 100 * 1024, backoff: 10, tries: 3 };

const folder = await mkdtemp(join(tmpdir(), 'preload-slow-'));
const file = join(folder, 'layer-file');
const registry = await startRegistry(folder, 'registry');
const proxy = await startProxy(registry.address);
const image = await pushImage(registry.address, 'team/app', folder, SIZE);
const IMAGE = { source: { domain: proxy.address, path: 'team/app', tag: '1' }, namespaces: [] };
const { signal } = new AbortController();

after(async () => {
  await proxy.stop();
  await registry.stop();
  await rm(folder, { recursive: true });
});

const withClient = async <T>(
  use: (client: Awaited<ReturnType<typeof createRegistryClient>>) => Promise<T>,
  patience = PATIENCE,
): Promise<T> => {
  const client = await createRegistryClient({ root: folder, pullSecrets: [], report: assert.fail, patience });
  return use(client).finally(() => client.close());
};

const fetchLayer = (onBytes: (bytes: number) => void = () => {}): Promise<void> =>
  withClient((client) => client.fetchBlob(IMAGE, image.layer, { file, onBytes }, signal));

const starts = (): number[] => proxy.requests.map(({ headers }) => Number(/\d+/.exec(headers.range ?? '0')?.[0]));

const trickle = slowly(1000, 50);
const tooSlow = { kind: 'transient', message: `${proxy.address} sends less than 100 KiB/s` };

test('a server that stays below the least rate is given up, although each try makes progress', async () => {
  proxy.behave(trickle);
  await assert.rejects(fetchLayer(), tooSlow);
  assert.equal(starts().length, PATIENCE.tries);
  const [begin, second = 0, third = 0] = starts();
  assert.ok(begin === 0 && second > 0 && third > second, `each try goes on from the last one: ${starts()}`);
  assert.ok((await stat(`${file}.partial`)).size > third, 'what arrived stays');

  let counted = 0;
  proxy.behave((_question, _answer, pass) => pass());
  await fetchLayer((bytes) => {
    counted += bytes;
  });
  assert.ok((starts()[0] ?? 0) > third, 'and is not fetched again');
  assert.equal(counted, SIZE);
  assert.equal(digestOf(await readFile(file)), image.layer.digest);
  await rm(file);
});

test('a server that sends a little and hangs up, again and again, is given up too', async () => {
  const hangUp: Behaviour = (_question, _answer, pass) =>
    pass(undefined, async (answer, body) => {
      answer.write(body.subarray(0, 100));
      await sleep(20);
      answer.destroy();
    });
  proxy.behave(hangUp);
  await assert.rejects(fetchLayer(), /the connection to .* failed/);
  assert.equal(starts().length, PATIENCE.tries);
  await rm(`${file}.partial`);
});

test('a server that is slow for a while is tried again', async () => {
  proxy.behave(first(PATIENCE.tries - 1, trickle));
  await fetchLayer();
  assert.equal(starts().length, PATIENCE.tries);
  assert.equal(digestOf(await readFile(file)), image.layer.digest);
  await rm(file);
});

test('a slow server may take as long as it wants above the least rate', async () => {
  proxy.behave(slowly(40_000, 20)); // at most 2 MB/s, more than a window in all
  await fetchLayer();
  assert.equal(starts().length, 1);
  await rm(file);
});

test('the least rate applies to documents', async () => {
  proxy.behave(slowly(1, 20));
  await assert.rejects(
    withClient((client) => client.fetchManifest(IMAGE, signal)),
    tooSlow,
  );
  assert.equal(proxy.requests.length, PATIENCE.tries);
});
