import { PreloadError } from '../../model/errors.ts';

/** An entry of an archive that belongs to root. */
export type TarEntry = { name: string; mode: number } & (
  | { type: 'folder' }
  | { type: 'file'; data: Buffer }
  | { type: 'link'; target: string }
);

const BLOCK = 512;
const SHORT = 100; // bytes of a name or target in a header; one more entry holds a longer one
const FLAGS = { file: '0', link: '2', folder: '5', longTarget: 'K', longName: 'L' } as const;

/** The bytes of an archive in GNU format, because the tar of busybox knows long links in no other. */
export const gnuTar = (entries: readonly TarEntry[]): Buffer[] => [...entries.flatMap(blocks), Buffer.alloc(2 * BLOCK)];

const blocks = (entry: TarEntry): Buffer[] => {
  const name = Buffer.from(entry.type === 'folder' ? `${entry.name}/` : entry.name);
  const target = Buffer.from(entry.type === 'link' ? entry.target : '');
  const data = entry.type === 'file' ? entry.data : Buffer.of();
  return [
    ...(target.length > SHORT ? long(FLAGS.longTarget, target) : []),
    ...(name.length > SHORT ? long(FLAGS.longName, name) : []),
    header(FLAGS[entry.type], { name, target, mode: entry.mode, size: data.length }),
    ...[data, padding(data)],
  ];
};

const long = (flag: string, text: Buffer): Buffer[] => {
  const data = Buffer.concat([text, Buffer.alloc(1)]);
  const name = Buffer.from('././@LongLink');
  return [header(flag, { name, target: Buffer.of(), mode: 0, size: data.length }), data, padding(data)];
};

const padding = ({ length }: Buffer): Buffer => Buffer.alloc(-length & (BLOCK - 1));

const header = (
  flag: string,
  { name, target, mode, size }: { name: Buffer; target: Buffer; mode: number; size: number },
): Buffer => {
  const block = Buffer.alloc(BLOCK);
  name.copy(block, 0, 0, SHORT);
  block.write(octal(mode, 7), 100);
  block.write(octal(0, 7), 108); // owner
  block.write(octal(0, 7), 116); // group
  block.write(octal(size, 11), 124);
  block.write(octal(0, 11), 136); // time
  block.write(' '.repeat(8), 148); // counts as the checksum
  block.write(flag, 156);
  target.copy(block, 157, 0, SHORT);
  block.write('ustar  ', 257);
  const checksum = block.reduce((sum, byte) => sum + byte, 0);
  block.write(`${octal(checksum, 6)}\0 `, 148);
  return block;
};

/** The content of a file in such an archive, whose name is short. Throws PreloadError if the archive does not have it. */
export const fileIn = (archive: Buffer, name: string): Buffer => {
  for (let at = 0; at + BLOCK <= archive.length; ) {
    const size = Number.parseInt(archive.toString('latin1', at + 124, at + 135), 8) || 0;
    const data = archive.subarray(at + BLOCK, at + BLOCK + size);
    if (data.length === size && archive.toString('latin1', at, at + name.length + 1) === `${name}\0`) return data;
    at += BLOCK + size + (-size & (BLOCK - 1));
  }
  throw new PreloadError(`it has no ${name}`);
};

const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, '0');
