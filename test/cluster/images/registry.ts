import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { Document } from './oci-image.ts';

/** `repository` is everywhere a whole address, e.g. http://127.0.0.1:5000/v2/sample/web. */
export const pushBlob = async (repository: string, digest: string, file: string): Promise<void> => {
  if (await hasBlob(repository, digest)) return;
  const upload = await request(`${repository}/blobs/uploads/`, { method: 'POST' });
  await finishUpload(upload, digest, file);
};

/** Takes the blob over from another repository (a path such as sample/web) of the same registry. */
export const mountBlob = async (repository: string, digest: string, from: string): Promise<void> => {
  if (await hasBlob(repository, digest)) return;
  const query = new URLSearchParams({ mount: digest, from });
  const answer = await request(`${repository}/blobs/uploads/?${query}`, { method: 'POST' });
  if (answer.status !== 201) throw new Error(`${repository}: cannot mount ${digest} from ${from}`);
};

export const putManifest = async (repository: string, reference: string, manifest: Document): Promise<void> => {
  const headers = { 'content-type': manifest.descriptor.mediaType };
  await request(`${repository}/manifests/${reference}`, { method: 'PUT', headers, body: manifest.content });
};

export const deleteManifest = async (repository: string, digest: string): Promise<void> => {
  await request(`${repository}/manifests/${digest}`, { method: 'DELETE' });
};

const hasBlob = async (repository: string, digest: string): Promise<boolean> => {
  return (await fetch(`${repository}/blobs/${digest}`, { method: 'HEAD' })).ok;
};

const finishUpload = async (upload: Response, digest: string, file: string): Promise<void> => {
  const address = new URL(upload.headers.get('location') ?? '', upload.url);
  address.searchParams.set('digest', digest);
  const headers = { 'content-type': 'application/octet-stream' };
  // not openAsBlob, which fails if another cluster, which pushes the same images, replaces the file meanwhile
  const body = Readable.toWeb(createReadStream(file));
  await request(address.href, { method: 'PUT', headers, body, duplex: 'half' });
};

const request = async (address: string, options: RequestInit): Promise<Response> => {
  const answer = await fetch(address, options);
  if (answer.ok) return answer;
  throw new Error(`${options.method} ${address}: ${answer.status} ${await answer.text()}`);
};
