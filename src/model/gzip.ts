import { gunzipSync } from 'node:zlib';
import { PreloadError } from './errors.ts';
import { formatBytes } from './units.ts';

const MOST = 64 * 1024 ** 2; // bytes of text, far more than any of ours has

/** The text in untrusted gzip data. Throws PreloadError if it is too large or not gzip. */
export const gunzipText = (data: Buffer): string => {
  try {
    return gunzipSync(data, { maxOutputLength: MOST }).toString();
  } catch (error) {
    const isTooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw new PreloadError(isTooLarge ? `contains more than ${formatBytes(MOST)}` : 'is not gzip data');
  }
};
