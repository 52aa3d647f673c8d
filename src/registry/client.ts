import { type ImageReference, repository } from '../model/image-reference.ts';
import { type Blob, blobOf } from '../model/oci.ts';
import { createAsk, type Request } from './ask.ts';
import { createCredentials, type ImageAccess, type PullSecret } from './credentials.ts';
import { type BlobDescriptor, completeFile, download } from './download.ts';
import { RegistryFailure } from './failure.ts';
import { hostsOf, type RegistryHost } from './hosts.ts';
import type { PartialFile } from './partial-file.ts';
import { firstOf, PATIENCE, type Patience, persist } from './persist.ts';
import { createTransport, readBody } from './transport.ts';

/** Fetches images from registries like a node's kubelet and containerd. Methods throw RegistryFailure. */
export interface RegistryClient {
  /** Returns the index or manifest of `image`, byte for byte. */
  fetchManifest(image: ImageReference, access: ImageAccess, signal: AbortSignal): Promise<Blob>;
  /** Returns a blob of at most 8 MiB, such as a configuration. */
  fetchSmallBlob(
    image: ImageReference,
    access: ImageAccess,
    blob: BlobDescriptor,
    signal: AbortSignal,
  ): Promise<Buffer>;
  /**
   * Writes a blob to `file`. An unfinished download stays in `FILE.partial`, where a later call resumes it. `onBytes`
   * gets the number of bytes added; it is negative if the download starts over.
   */
  fetchBlob(
    image: ImageReference,
    access: ImageAccess,
    blob: BlobDescriptor,
    file: string,
    onBytes: (bytes: number) => void,
    signal: AbortSignal,
  ): Promise<void>;
  close(): Promise<void>;
}

export interface RegistryClientOptions {
  /** path of the node's root on this machine */
  root: string;
  pullSecrets: readonly PullSecret[];
  /** gets each warning once; warnings contain no secrets */
  report: (warning: string) => void;
  /** the config_path of the node's containerd */
  certsFolders?: readonly string[];
  patience?: Patience;
}

const CERTS_FOLDERS = ['/etc/containerd/certs.d', '/etc/docker/certs.d'];
const SMALL = 8 * 1024 * 1024;
const MANIFESTS = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  '*/*',
].join(', ');

// No maintained client on npm reads pull secrets and certs.d, resumes downloads and streams to a file.
export const createRegistryClient = async (options: RegistryClientOptions): Promise<RegistryClient> => {
  const { root, pullSecrets, certsFolders = CERTS_FOLDERS, patience = PATIENCE } = options;
  const report = once(options.report);
  const transport = await createTransport(root, patience);
  const ask = createAsk(transport, await createCredentials(root, pullSecrets, report), report);

  /** Tries the image's hosts in turn until one succeeds. Retries all of them while that may help. */
  const fromHosts = async <T>(
    image: ImageReference,
    capability: 'pulls' | 'resolves',
    use: (host: RegistryHost) => Promise<T>,
    progress: () => number,
    signal: AbortSignal,
  ): Promise<T> => {
    const hosts = (await hostsOf(image.domain, root, certsFolders, report)).filter((host) => host[capability]);
    if (hosts.length === 0)
      throw new RegistryFailure('final', `no host in the node's certs.d can serve ${image.domain}`);
    return persist(() => firstOf(hosts, use), progress, patience, signal);
  };

  const fetchSmall = async (request: Request, digest: string | undefined, signal: AbortSignal): Promise<Blob> => {
    const answer = await ask(request, signal);
    const server = new URL(request.host.url).host;
    const blob = blobOf(await readBody(answer, server, SMALL));
    const announced = [answer.headers['docker-content-digest']].flat()[0];
    const expected = digest ?? (announced?.startsWith('sha256:') ? announced : blob.digest);
    if (blob.digest === expected) return blob;
    throw new RegistryFailure('corrupt', `${server} returned content that does not match ${expected}`);
  };

  return {
    fetchManifest: (image, access, signal) => {
      const path = `manifests/${image.digest ?? image.tag}`;
      const fetchFrom = async (host: RegistryHost): Promise<Blob> => {
        const request = { host, image, access, path, headers: { accept: MANIFESTS } };
        const manifest = await fetchSmall(request, image.digest, signal);
        if (isJson(manifest.data)) return manifest;
        throw new RegistryFailure('corrupt', `${host.url} did not return a manifest for ${repository(image)}`);
      };
      return fromHosts(image, image.digest ? 'pulls' : 'resolves', fetchFrom, () => 0, signal);
    },

    fetchSmallBlob: (image, access, { digest }, signal) => {
      const fetchFrom = async (host: RegistryHost): Promise<Buffer> =>
        (await fetchSmall({ host, image, access, path: `blobs/${digest}` }, digest, signal)).data;
      return fromHosts(image, 'pulls', fetchFrom, () => 0, signal);
    },

    fetchBlob: (image, access, blob, file, onBytes, signal) => {
      const fill = (partial: PartialFile): Promise<void> => {
        const fetchFrom = (host: RegistryHost): Promise<void> => {
          const request = { host, image, access, path: `blobs/${blob.digest}` };
          return download(partial, blob, new URL(host.url).host, (headers) => ask({ ...request, headers }, signal));
        };
        return fromHosts(image, 'pulls', fetchFrom, partial.size, signal);
      };
      return completeFile(file, blob, fill, onBytes, signal);
    },

    close: transport.close,
  };
};

const once = (report: (warning: string) => void): ((warning: string) => void) => {
  const reported = new Set<string>();
  return (warning) => {
    if (!reported.has(warning)) report(warning);
    reported.add(warning);
  };
};

const isJson = (data: Buffer): boolean => {
  try {
    return typeof JSON.parse(data.toString()) === 'object';
  } catch {
    return false;
  }
};
