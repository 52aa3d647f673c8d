import { gzipSync } from 'node:zlib';

export interface Entry {
  name: string;
  mode: number;
  content: Buffer;
}

const BLOCK = 512;
const MTIME = Date.UTC(1980) / 1000;

/** A .tar.gz of regular files (ASCII names under 100 bytes): the same bytes for the same entries, whoever packs them and when. */
export function tarGz(entries: readonly Entry[]): Buffer {
  const end = Buffer.alloc(2 * BLOCK);
  return gzipSync(Buffer.concat([...entries.flatMap(blocks), end]));
}

function blocks({ name, mode, content }: Entry): Buffer[] {
  const padding = Buffer.alloc(-content.length & (BLOCK - 1));
  return [header(name, mode, content.length), content, padding];
}

function header(name: string, mode: number, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, '0');
  block.write(name, 0);
  block.write(octal(mode, 7), 100);
  block.write(octal(0, 7), 108); // uid
  block.write(octal(0, 7), 116); // gid
  block.write(octal(size, 11), 124);
  block.write(octal(MTIME, 11), 136);
  block.write('        0', 148); // the checksum counts its own field as blanks; '0' is a regular file
  block.write('ustar\x0000', 257);
  const checksum = block.reduce((sum, byte) => sum + byte, 0);
  block.write(`${octal(checksum, 6)}\0`, 148);
  return block;
}
