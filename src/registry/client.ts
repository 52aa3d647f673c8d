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

/** Gets images from registries as the kubelet and containerd of a node would. Methods throw RegistryFailure. */
export interface RegistryClient {
  /** The index or manifest that `image` means, byte for byte. */
  fetchManifest(image: ImageReference, access: ImageAccess, signal: AbortSignal): Promise<Blob>;
  /** A blob of at most 8 MiB, such as a configuration, in memory. */
  fetchSmallBlob(
    image: ImageReference,
    access: ImageAccess,
    blob: BlobDescriptor,
    signal: AbortSignal,
  ): Promise<Buffer>;
  /**
   * A blob into `file`, by way of `FILE.partial`, which a later call goes on with. `onBytes` is told how many bytes more
   * are there, or fewer when it has to start over.
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
  /** the node's root, as this machine sees it */
  root: string;
  pullSecrets: readonly PullSecret[];
  /** told each thing once, and never a secret */
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

// Our own, as no client on npm that is kept well reads pull secrets and certs.d, resumes, and streams to a file.
export const createRegistryClient = async (options: RegistryClientOptions): Promise<RegistryClient> => {
  const { root, pullSecrets, certsFolders = CERTS_FOLDERS, patience = PATIENCE } = options;
  const report = once(options.report);
  const transport = await createTransport(root, patience);
  const ask = createAsk(transport, await createCredentials(root, pullSecrets, report), report);

  /** Asks the image's hosts in turn until one serves; all again while that may help. */
  const fromHosts = async <T>(
    image: ImageReference,
    capability: 'pulls' | 'resolves',
    use: (host: RegistryHost) => Promise<T>,
    progress: () => number,
    signal: AbortSignal,
  ): Promise<T> => {
    const hosts = (await hostsOf(image.domain, root, certsFolders, report)).filter((host) => host[capability]);
    if (hosts.length === 0) throw new RegistryFailure('final', `the node's certs.d names no host for ${image.domain}`);
    return persist(() => firstOf(hosts, use), progress, patience, signal);
  };

  const fetchSmall = async (request: Request, digest: string | undefined, signal: AbortSignal): Promise<Blob> => {
    const answer = await ask(request, signal);
    const server = new URL(request.host.url).host;
    const blob = blobOf(await readBody(answer, server, SMALL));
    const named = [answer.headers['docker-content-digest']].flat()[0];
    const expected = digest ?? (named?.startsWith('sha256:') ? named : blob.digest);
    if (blob.digest === expected) return blob;
    throw new RegistryFailure('corrupt', `${server} gives something else than ${expected}`);
  };

  return {
    fetchManifest: (image, access, signal) => {
      const path = `manifests/${image.digest ?? image.tag}`;
      const fetchFrom = async (host: RegistryHost): Promise<Blob> => {
        const request = { host, image, access, path, headers: { accept: MANIFESTS } };
        const manifest = await fetchSmall(request, image.digest, signal);
        if (isJson(manifest.data)) return manifest;
        throw new RegistryFailure('corrupt', `${host.url} gives no manifest for ${repository(image)}`);
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
  const said = new Set<string>();
  return (warning) => {
    if (!said.has(warning)) report(warning);
    said.add(warning);
  };
};

const isJson = (data: Buffer): boolean => {
  try {
    return typeof JSON.parse(data.toString()) === 'object';
  } catch {
    return false;
  }
};
