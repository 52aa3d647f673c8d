import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

export interface Entry {
  name: string;
  mode: number;
  content: Buffer;
}

const MTIME = new Date(Date.UTC(1980));

/** A .tar.gz of regular files: the same bytes for the same entries, whoever packs them and when. */
export const tarGz = async (entries: readonly Entry[]): Promise<Buffer> => {
  const tar = pack();
  for (const { name, mode, content } of entries) tar.entry({ name, mode, mtime: MTIME }, content);
  tar.finalize();
  return gzipSync(await buffer(tar));
};
