import { spawn } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import type { LayerBlob } from '../cluster/images/oci-image.ts';
import { nodeBinary } from '../cluster/images/root-filesystems.ts';

/** Random bytes, as of a trained model, or code, which compresses as that of real images. */
export type Content = 'random' | 'code';

interface HugeFile {
  name: string;
  bytes: number;
}

const LEVEL = { random: '-0', code: '--fast' }; // gzip stores what it cannot compress, and that is much quicker

const PIECE = 1 << 20;

/** Writes the blob of a layer with these files to `path`. Streams it, because the files may not fit on the disk as well. */
export const writeHugeLayer = async (
  path: string,
  content: Content,
  files: readonly HugeFile[],
): Promise<LayerBlob> => {
  const archive = pack();
  const compressor = spawn('pigz', [LEVEL[content], '--no-name', '--stdout'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [plain, compressed] = [createHash('sha256'), createHash('sha256')];
  const hashing = (hash: typeof plain) =>
    async function* (pieces: AsyncIterable<Buffer>) {
      for await (const piece of pieces) {
        hash.update(piece);
        yield piece;
      }
    };
  await Promise.all([
    writeFiles(archive, content, files),
    pipeline(archive, hashing(plain), compressor.stdin),
    pipeline(compressor.stdout, hashing(compressed), createWriteStream(path)),
  ]);
  const digests = { diffID: `sha256:${plain.digest('hex')}`, digest: `sha256:${compressed.digest('hex')}` };
  return { ...digests, size: (await stat(path)).size, compression: 'gzip' };
};

const piecesOf = function* (bytes: number, content: Content, code: Buffer): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= PIECE) {
    const size = Math.min(left, PIECE);
    const random = randomFillSync(Buffer.alloc(content === 'random' ? size : 4));
    const start = random.readUInt32LE() % (code.length - PIECE);
    yield content === 'random' ? random : code.subarray(start, start + size);
  }
};

const writeFiles = async (
  archive: ReturnType<typeof pack>,
  content: Content,
  files: readonly HugeFile[],
): Promise<void> => {
  const code = await readFile(nodeBinary);
  for (const { name, bytes } of files) {
    await pipeline(Readable.from(piecesOf(bytes, content, code)), archive.entry({ name, size: bytes }));
  }
  archive.finalize();
};
