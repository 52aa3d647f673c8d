import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { digestOf } from '../../../src/model/oci.ts';
import { createRegistryClient } from '../../../src/registry/client.ts';
import { PATIENCE as DEFAULT, type Patience } from '../../../src/registry/persist.ts';
import { until } from '../../cluster/machine/until.ts';
import { pushImage } from './image.ts';
import { type Behaviour, first, startProxy, status } from './proxy-server.ts';
import { startRegistry } from './server.ts';

const SIZE = 3_000_000;
const HALF = SIZE / 2;
const PATIENCE: Patience = { ...DEFAULT, connect: 2000, idle: 1200, backoff: 10, longestWait: 2500, tries: 4 };

const folder = await mkdtemp(join(tmpdir(), 'preload-faults-'));
const node = join(folder, 'node');
const registry = await startRegistry(folder, 'registry');
const proxy = await startProxy(registry.address);
const image = await pushImage(registry.address, 'team/app', folder, SIZE);
const other = await pushImage(registry.address, 'team/other', folder, SIZE);
const IMAGE = { source: { domain: proxy.address, path: 'team/app', tag: '1' }, namespaces: [] };
const content = async (path: string, digest: string): Promise<Buffer> =>
  Buffer.from(await (await fetch(`http://${registry.address}/v2/${path}/blobs/${digest}`)).arrayBuffer());
const layer = await content('team/app', image.layer.digest);
const otherLayer = await content('team/other', other.layer.digest);

after(async () => {
  await proxy.stop();
  await registry.stop();
  await rm(folder, { recursive: true });
});

/** Bytes of the layer that have arrived. */
let arrived = 0;

interface Outcome {
  /** the Range header of each request */
  ranges: (string | undefined)[];
  /** sum of what the caller was told */
  counted: number;
}

const withClient = async <T>(
  work: (client: Awaited<ReturnType<typeof createRegistryClient>>) => Promise<T>,
): Promise<T> => {
  const report = (warning: string) => assert.fail(warning);
  const client = await createRegistryClient({ root: node, pullSecrets: [], report, patience: PATIENCE });
  return work(client).finally(() => client.close());
};

/** Fetches the layer through a proxy with this behaviour; checks the content, and then removes the file. */
const fetchLayer = async (
  behaviour: Behaviour,
  file = join(folder, 'layer-file'),
  signal?: AbortSignal,
): Promise<Outcome> => {
  proxy.behave(behaviour);
  arrived = 0;
  const count = (bytes: number) => {
    arrived += bytes;
  };
  const { signal: never } = new AbortController();
  await withClient((client) => client.fetchBlob(IMAGE, image.layer, { file, onBytes: count }, signal ?? never));
  assert.equal(digestOf(await readFile(file)), image.layer.digest);
  await rm(file);
  const ranges = proxy.requests.map(({ headers }) => headers.range);
  return { ranges, counted: arrived };
};

/** Sends the layer up to `end`, and resolves when it has arrived. */
const sendUntil = async (answer: Parameters<Behaviour>[1], start: number, end: number): Promise<void> => {
  answer.write(layer.subarray(start, end));
  await until('the client to have it', () => arrived >= end);
};

/** Sends half of the layer, and then does what `end` does. */
const half =
  (end: (answer: Parameters<Behaviour>[1]) => void): Behaviour =>
  (_question, answer) => {
    answer.writeHead(200, { 'content-length': SIZE });
    sendUntil(answer, 0, HALF).then(() => end(answer));
  };
const reset = half((answer) => answer.socket?.resetAndDestroy());

describe('a blob arrives whole', () => {
  test('after a reset, from where it stopped', async () => {
    const { ranges, counted } = await fetchLayer(first(1, reset));
    assert.deepEqual(ranges, [undefined, `bytes=${HALF}-`]);
    assert.equal(counted, SIZE);
  });

  test('after a body that ends early', async () => {
    const { ranges } = await fetchLayer(
      first(
        1,
        half((answer) => answer.socket?.end()),
      ),
    );
    assert.deepEqual(ranges, [undefined, `bytes=${HALF}-`]);
  });

  test('after silence', async () => {
    const { ranges } = await fetchLayer(
      first(
        1,
        half(() => {}),
      ),
    );
    assert.deepEqual(ranges, [undefined, `bytes=${HALF}-`]);
  });

  test('from a server that does not support Range', async () => {
    const ignorant: Behaviour = (question, _answer, pass) => {
      delete question.headers.range;
      pass();
    };
    let asked = 0;
    const { ranges, counted } = await fetchLayer((question, answer, pass) => {
      asked += 1;
      (asked === 1 ? reset : ignorant)(question, answer, pass);
    });
    assert.deepEqual([ranges.length, counted], [2, SIZE]);
  });

  test('through more interruptions than tries, as long as each try makes progress', async () => {
    const piece = 200_000;
    const drip: Behaviour = (question, answer) => {
      const start = Number(/bytes=(\d+)-/.exec(question.headers.range ?? '')?.[1] ?? 0);
      const range = { 'content-range': `bytes ${start}-${SIZE - 1}/${SIZE}`, 'content-length': SIZE - start };
      answer.writeHead(start > 0 ? 206 : 200, start > 0 ? range : { 'content-length': SIZE });
      const end = start + piece;
      if (end >= SIZE) answer.end(layer.subarray(start));
      else sendUntil(answer, start, end).then(() => answer.socket?.resetAndDestroy());
    };
    const { ranges } = await fetchLayer(drip);
    assert.equal(ranges.length, SIZE / piece);
  });

  for (const code of [429, 500, 503]) {
    test(`after ${code}`, async () => {
      assert.equal((await fetchLayer(first(2, status(code)))).ranges.length, 3);
    });
  }

  for (const [kind, retryAfter] of Object.entries<() => string>({
    seconds: () => '1',
    'a date': () => new Date(Date.now() + 2000).toUTCString(), // which knows no milliseconds
  })) {
    test(`not before the time that a server requests as ${kind}`, async () => {
      const started = Date.now();
      await fetchLayer(first(1, (...args) => status(429, { 'retry-after': retryAfter() })(...args)));
      assert.ok(Date.now() - started >= 900);
    });
  }

  test('after wrong content, from scratch', async () => {
    const { ranges, counted } = await fetchLayer(first(1, (_question, _answer, pass) => pass(() => otherLayer)));
    assert.deepEqual(ranges, [undefined, undefined]);
    assert.equal(counted, SIZE);
  });

  test('after too much content', async () => {
    const doubled = (data: Buffer) => Buffer.concat([data, data]);
    assert.equal((await fetchLayer(first(1, (_question, _answer, pass) => pass(doubled)))).counted, SIZE);
  });

  test('from a partial file that another run left', async () => {
    const file = join(folder, 'left');
    await writeFile(`${file}.partial`, layer.subarray(0, HALF));
    const { ranges, counted } = await fetchLayer((_question, _answer, pass) => pass(), file);
    assert.deepEqual([ranges, counted], [[`bytes=${HALF}-`], SIZE]);
  });

  test('from a complete file that was left, without a request', async () => {
    const file = join(folder, 'left-whole');
    await writeFile(`${file}.partial`, layer);
    const { ranges, counted } = await fetchLayer(status(500), file);
    assert.deepEqual([ranges, counted], [[], SIZE]);
  });

  test('even if a corrupt partial file was left', async () => {
    const file = join(folder, 'left-rubbish');
    await writeFile(`${file}.partial`, otherLayer.subarray(0, HALF));
    const { ranges, counted } = await fetchLayer((_question, _answer, pass) => pass(), file);
    assert.deepEqual([ranges, counted], [[`bytes=${HALF}-`, undefined], SIZE]);
  });
});

describe('an unavailable blob is an error', () => {
  const fails = async (behaviour: Behaviour, message: RegExp, requests: number) => {
    await assert.rejects(fetchLayer(behaviour), (error: Error) => {
      assert.match(error.message, message);
      return true;
    });
    assert.equal(proxy.requests.length, requests);
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.startsWith('layer-file')),
      [],
    );
  };

  test('404 in the middle', () =>
    fails(
      (question, ...rest) => (question.headers.range ? status(404) : reset)(question, ...rest),
      /does not have/,
      2,
    ));
  test('404 at once', () => fails(status(404), /^127\.0\.0\.1:\d+ does not have team\/app\/blobs\/sha256:/, 1));
  test('403 at once', () => fails(status(403), /denied access to .*team\/app/, 1));
  test('400 at once', () => fails(status(400), /answered 400/, 1));
  test('500 after some tries', () => fails(status(500), /answered 500/, PATIENCE.tries));
  test('a wait that is too long', () => fails(status(429, { 'retry-after': '3600' }), /asks to wait 3600 s/, 1));
  test('endless redirects', () =>
    fails((question, answer) => answer.writeHead(307, { location: question.url }).end(), /too many redirects/, 6));
  test('wrong content, twice', () =>
    fails((_question, _answer, pass) => pass(() => otherLayer), /content that does not match sha256:/, 2));
});

test('a fetch that is stopped leaves a partial file for the next one', async () => {
  const file = join(folder, 'stopped');
  const stop = new AbortController();
  await assert.rejects(
    fetchLayer(
      half(() => stop.abort(new Error('stopped'))),
      file,
      stop.signal,
    ),
    /stopped/,
  );
  const { ranges } = await fetchLayer((_question, _answer, pass) => pass(), file);
  assert.deepEqual(ranges, [`bytes=${HALF}-`]);
});
