import { gzipSync, zstdCompressSync } from 'node:zlib';
import { digestOf } from '../../../src/model/oci.ts';
import type { Compression } from '../../cluster/images/oci-image.ts';
import type { Content } from './table-registry.ts';

/** A layer's blob; `diffID` is the digest of its archive. */
export interface Layer extends Content {
  content: Buffer;
  diffID: string;
}

/** An entry of an archive, which may have any path; a file unless it has another type. */
export interface Entry {
  name: string;
  content?: string;
  type?: keyof typeof TYPES;
  /** where a link leads */
  to?: string;
  /** bytes of its content, if others follow than `content` */
  size?: number;
}

const TYPES = { file: '0', 'hard link': '1', link: '2', device: '3', folder: '5' } as const;
const BLOCK = 512;

const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;

/** The header of one entry. Written here, because no tar writes what a hostile one contains. */
export const tarHeader = ({ name, content = '', type = 'file', to = '', size }: Entry): Buffer => {
  const block = Buffer.alloc(BLOCK);
  const fields: [number, string][] = [
    [0, name],
    [100, octal(type === 'folder' ? 0o755 : 0o644, 7)],
    [108, octal(0, 7)],
    [116, octal(0, 7)],
    [124, octal(size ?? Buffer.byteLength(content), 11)],
    [136, octal(0, 11)],
    [148, ' '.repeat(8)],
    [156, TYPES[type]],
    [157, to],
    [257, 'ustar\x0000'],
    [329, octal(8, 7)], // the first disk
    [337, octal(0, 7)],
  ];
  for (const [offset, text] of fields) block.write(text, offset);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)} `, 148);
  return block;
};

export const TAR_END = Buffer.alloc(2 * BLOCK);

export const tarOf = (entries: readonly Entry[]): Buffer => {
  const blocks = entries.flatMap((entry) => {
    const content = Buffer.from(entry.content ?? '');
    return [tarHeader(entry), content, Buffer.alloc(-content.length & (BLOCK - 1))];
  });
  return Buffer.concat([...blocks, TAR_END]);
};

const COMPRESS = { gzip: gzipSync, zstd: zstdCompressSync, none: (data: Buffer) => data };
const TYPE = 'application/vnd.oci.image.layer.v1.tar';

/** A layer with these files. */
export const layerOf = (
  entries: readonly Entry[],
  compression: Compression = 'gzip',
  mediaType = compression === 'none' ? TYPE : `${TYPE}+${compression}`,
): Layer => {
  const archive = tarOf(entries);
  return blobOf(COMPRESS[compression](archive), digestOf(archive), mediaType);
};

/** A layer with these bytes. */
export const blobOf = (content: Buffer, diffID: string, mediaType = `${TYPE}+gzip`): Layer => ({
  content,
  diffID,
  descriptor: { mediaType, digest: digestOf(content), size: content.length },
});
