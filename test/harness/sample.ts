import assert from 'node:assert/strict';
import { type Document, parseDocument } from '../../src/model/oci.ts';

const MEDIA_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

/** Reference of an image of the sample set, such as `shop/web:1.4`. */
export const sample = (name: string): string => `${process.env.REGISTRY}/sample/${name}`;

/** The manifest or index of a tagged image of the sample set, as its registry has it. */
export const sampleManifest = async (name: string): Promise<Document> => {
  const [repository, tag] = name.split(':');
  const url = `http://${process.env.REGISTRY}/v2/sample/${repository}/manifests/${tag}`;
  const response = await fetch(url, { headers: { accept: MEDIA_TYPES.join() } });
  assert.equal(response.status, 200, url);
  return parseDocument(Buffer.from(await response.arrayBuffer()));
};
