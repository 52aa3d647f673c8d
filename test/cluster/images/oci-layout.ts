import { randomUUID } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Descriptor, type Document, indexType } from './oci-image.ts';

export const blobPath = (layout: string, digest: string): string => {
  return join(layout, 'blobs', digest.replace(':', '/'));
};

export const writeDocuments = async (layout: string, documents: Document[]): Promise<void> => {
  for (const { descriptor, content } of documents) await replaceFile(blobPath(layout, descriptor.digest), content);
};

/** Makes every image findable by its name, e.g. `skopeo inspect oci:LAYOUT:NAME`. */
export const writeNames = async (layout: string, roots: Map<string, Descriptor>): Promise<void> => {
  const manifests = [...roots].map(([name, root]) => ({
    ...root,
    annotations: { 'org.opencontainers.image.ref.name': name },
  }));
  await replaceFile(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  const index = { schemaVersion: 2, mediaType: indexType, manifests };
  await replaceFile(join(layout, 'index.json'), JSON.stringify(index));
};

/** Two clusters that start at the same time write the same files. */
const replaceFile = async (path: string, content: string): Promise<void> => {
  const temporary = `${path}.${randomUUID()}.new`;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(temporary, content);
  await rename(temporary, path);
};
