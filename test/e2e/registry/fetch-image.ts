import assert from 'node:assert/strict';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageReference } from '../../../src/model/image-reference.ts';
import { digestOf } from '../../../src/model/oci.ts';
import { createRegistryClient, type RegistryClientOptions } from '../../../src/registry/client.ts';
import type { PushedImage } from './image.ts';

export interface Fetched {
  options: Partial<RegistryClientOptions>;
  /** that use the image */
  namespaces: readonly string[];
  /** where files may be */
  folder: string;
}

/** Fetches all of `image` from `domain`, checks it, and returns the warnings. */
export const fetchImage = async (image: PushedImage, domain: string, fetched: Fetched): Promise<string[]> => {
  const { options, folder, namespaces } = fetched;
  const { signal } = new AbortController();
  const warnings: string[] = [];
  const report = (warning: string) => warnings.push(warning);
  const root = join(folder, 'empty-node');
  const client = await createRegistryClient({ root, pullSecrets: [], report, ...options });
  const file = join(folder, 'fetched-layer');
  const source: ImageReference = { domain, path: 'team/app', tag: '1' };
  const app = { source, namespaces };
  try {
    const index = await client.fetchManifest(app, signal);
    assert.equal(index.digest, image.index.descriptor.digest);
    const { digest } = image.manifest.descriptor;
    const manifest = await client.fetchManifest({ source: { ...source, digest }, namespaces }, signal);
    assert.equal(manifest.data.toString(), image.manifest.content);
    const config = await client.fetchConfig(app, image.config.descriptor, signal);
    assert.equal(config.data.toString(), image.config.content);
    let bytes = 0;
    const count = (more: number) => {
      bytes += more;
    };
    await client.fetchBlob(app, image.layer, { file, onBytes: count }, signal);
    assert.equal(digestOf(await readFile(file)), image.layer.digest);
    assert.equal(bytes, image.layer.size);
    await assert.rejects(stat(`${file}.partial`));
    return warnings;
  } finally {
    await client.close();
    await rm(file, { force: true });
  }
};
