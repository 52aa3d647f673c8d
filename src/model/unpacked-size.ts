/** The compressed blob of a layer. */
interface Blob {
  mediaType: string;
  size: number;
}

const UNPACKED_FACTOR = 3; // usual ratio of unpacked to compressed size
const MOST = 1032; // gzip cannot compress more than that
const LEAST = 0.99; // what it adds to data that it cannot compress
const WRAP = 2 ** 32; // gzip counts modulo this
const MAX_WRAPS = 64;

export const isGzip = ({ mediaType }: Pick<Blob, 'mediaType'>): boolean => /gzip$/.test(mediaType);

const isCompressed = ({ mediaType }: Blob): boolean => !/^application[/]vnd[.]oci[.].*[.]tar$/.test(mediaType);

/** The size before compression that a gzip file has in its last four bytes. */
export const CLAIM_BYTES = 4;

/** Reads it; undefined if there are not that many bytes. */
export const readClaim = (end: Buffer): number | undefined =>
  end.length === CLAIM_BYTES ? end.readUInt32LE() : undefined;

/**
 * Unpacked bytes of a layer, as its blob claims or as is usual. A claim is only a hint: it is modulo 4 GiB, only of the
 * last part if the blob is made of several, and anybody's. It counts if gzip could have made such a blob; of several such
 * sizes the one nearest to the usual.
 */
export const unpackedSize = (blob: Blob, claim?: number): number => {
  const { size } = blob;
  if (!isCompressed(blob)) return size;
  const usual = size * UNPACKED_FACTOR;
  if (claim === undefined || !isGzip(blob)) return usual;
  const wraps = Math.max(0, Math.min(MAX_WRAPS, Math.round((usual - claim) / WRAP)));
  const likely = [claim + wraps * WRAP, claim + (wraps + 1) * WRAP].filter(
    (bytes) => bytes >= size * LEAST && bytes <= size * MOST,
  );
  return likely[0] ?? usual;
};
