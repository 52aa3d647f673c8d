import { PreloadError } from './errors.ts';
import {
  configPlatform,
  type Document,
  entriesFor,
  entriesOf,
  type IndexEntry,
  indexEntries,
  isFollowed,
  platformOf,
} from './oci.ts';
import { acceptedPlatforms } from './platform.ts';

/** Reads a document that an index lists. */
export type ReadEntry = (entry: IndexEntry) => Promise<Document>;

/** Where containerd ends up when it follows an index to the image of a platform. */
export interface Descent {
  manifest: Document;
  /** of the manifest, as the index says; undefined if it does not, or if there is no index */
  platform: string | undefined;
  /** the indexes on the way; none if the target is the manifest */
  indexes: Document[];
}

const MAX_DEPTH = 100;
const MAX_DOCUMENTS = 100;

/** Follows `target` to the manifest for `platform`. Throws PreloadError if it does not exist. */
export const descend = async (target: Document, platform: string, read: ReadEntry): Promise<Descent> => {
  const indexes: Document[] = [];
  let document = target;
  let found: string | undefined;
  for (;;) {
    const entries = indexEntries(document);
    if (!entries) return { manifest: document, platform: found, indexes };
    const [entry] = entriesFor(entries, platform);
    if (!entry) throw new PreloadError(`has no image for ${platform}`);
    if (!isFollowed(entry)) throw new PreloadError(`has something else than an image for ${platform}`);
    indexes.push(document);
    if (indexes.length > MAX_DEPTH) throw new PreloadError(`has indexes nested more than ${MAX_DEPTH} deep`);
    found = platformOf(entry);
    document = await read(entry);
  }
};

/**
 * Throws PreloadError if a node of `platform` would not run the image. An index is believed, whatever the config says;
 * containerd reads the config only if the index does not say the platform.
 */
export const checkPlatform = ({ platform: said, indexes }: Descent, config: Document, platform: string): void => {
  if (said !== undefined || indexes.length === 0) return;
  const found = configPlatform(config);
  if (!acceptedPlatforms(platform).includes(found)) throw new PreloadError(`is for ${found}, not for ${platform}`);
};

/**
 * All indexes and manifests that containerd reads when it imports `target` for exactly this platform: if one is missing,
 * containerd 1.x fails to import all images of the archive. Throws PreloadError if they are too many.
 */
export const importedDocuments = async (target: Document, platform: string, read: ReadEntry): Promise<Document[]> => {
  const documents = new Map([[target.digest, target]]);
  for (const document of documents.values()) {
    for (const entry of entriesOf(indexEntries(document) ?? [], platform).filter(isFollowed)) {
      if (documents.has(entry.digest)) continue;
      if (documents.size === MAX_DOCUMENTS)
        throw new PreloadError(`lists more than ${MAX_DOCUMENTS} images for ${platform}`);
      documents.set(entry.digest, await read(entry));
    }
  }
  return [...documents.values()];
};
