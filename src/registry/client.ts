import type { ImageSource } from '../model/image.ts';
import { repository } from '../model/image-reference.ts';
import { type Descriptor, type Document, digestOf, parseDocument } from '../model/oci.ts';
import { plain } from '../model/parse.ts';
import type { RegistrySettings } from '../node/containerd-config.ts';
import { createAsk, type Request } from './ask.ts';
import { readAll } from './body.ts';
import { createCredentials, type PullSecret } from './credentials.ts';
import { type BlobTarget, completeFile, download, firstByte } from './download.ts';
import { RegistryFailure } from './failure.ts';
import { hostsOf, type RegistryHost } from './hosts.ts';
import type { PartialFile } from './partial-file.ts';
import { firstOf, PATIENCE, type Patience, persist } from './persist.ts';
import { createTransport } from './transport.ts';

/** Fetches images from registries like a node's kubelet and containerd. Methods throw RegistryFailure. */
export interface RegistryClient {
  /** Returns the index or manifest of an image. */
  fetchManifest(image: ImageSource, signal: AbortSignal): Promise<Document>;
  /** Returns the configuration of an image, at most 8 MiB. */
  fetchConfig(image: ImageSource, config: Descriptor, signal: AbortSignal): Promise<Document>;
  /** Writes a layer's blob to a file. */
  fetchBlob(image: ImageSource, blob: Descriptor, target: BlobTarget, signal: AbortSignal): Promise<void>;
  /** Returns the last `count` bytes of a blob. Asks each server once. */
  fetchEnd(image: ImageSource, blob: Descriptor, count: number, signal: AbortSignal): Promise<Buffer>;
  close(): Promise<void>;
}

export interface RegistryClientOptions {
  /** path of the node's root on this machine */
  root: string;
  pullSecrets: readonly PullSecret[];
  /** gets each warning once; warnings contain no secrets */
  report: (warning: string) => void;
  /** of the node's containerd */
  environment?: Readonly<Record<string, string>>;
  /** of the node's containerd; without any, the usual folders for hosts.toml are used */
  settings?: RegistrySettings;
  patience?: Patience;
}

const NO_SETTINGS: RegistrySettings = { certsFolders: [], mirrors: {}, servers: {} };
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
  const { root, pullSecrets, environment = {}, settings = NO_SETTINGS, patience = PATIENCE } = options;
  const report = once((warning) => options.report(plain(warning)));
  const transport = await createTransport(root, environment, patience);
  const ask = createAsk(
    transport,
    await createCredentials(root, pullSecrets, settings.servers, patience, report),
    report,
  );

  /** Tries the image's hosts in turn until one succeeds. Retries all of them while that may help. */
  const fromHosts = async <T>(
    { source }: ImageSource,
    use: (host: RegistryHost) => Promise<T>,
    signal: AbortSignal,
    { capability = 'pulls', progress = () => 0, tries = patience.tries }: FetchOptions = {},
  ): Promise<T> => {
    const hosts = (await hostsOf(source.domain, root, settings, report)).filter((host) => host[capability]);
    if (hosts.length === 0)
      throw new RegistryFailure('final', `no server in the node's settings can serve ${source.domain}`);
    return persist(() => firstOf(hosts, use), progress, { ...patience, tries }, signal);
  };

  const fetchDocument = async (
    request: Request,
    digest: string | undefined,
    signal: AbortSignal,
  ): Promise<Document> => {
    const { server } = request.host;
    const answer = await ask(request, signal);
    const data = await readAll(answer.body, server, SMALL);
    const found = digestOf(data);
    const announced = [answer.headers['docker-content-digest']].flat()[0];
    const expected = digest ?? (announced?.startsWith('sha256:') ? announced : found);
    if (found !== expected) {
      throw new RegistryFailure('corrupt', `${server} returned content that does not match ${expected}`);
    }
    try {
      return parseDocument(data, found);
    } catch (error) {
      const what = `${request.path} of ${repository(request.image.source)}`;
      throw new RegistryFailure('corrupt', `${what} from ${server} ${(error as Error).message}`);
    }
  };

  return {
    fetchManifest: (image, signal) => {
      const { tag, digest } = image.source;
      const request = { image, path: `manifests/${digest ?? tag}`, headers: { accept: MANIFESTS } };
      const fetchFrom = (host: RegistryHost) => fetchDocument({ host, ...request }, digest, signal);
      return fromHosts(image, fetchFrom, signal, { capability: digest ? 'pulls' : 'resolves' });
    },

    fetchConfig: (image, { digest }, signal) => {
      const fetchFrom = (host: RegistryHost) => fetchDocument({ host, image, path: `blobs/${digest}` }, digest, signal);
      return fromHosts(image, fetchFrom, signal);
    },

    fetchBlob: (image, blob, target, signal) => {
      const fill = (partial: PartialFile): Promise<void> => {
        const fetchFrom = (host: RegistryHost): Promise<void> => {
          const request = { host, image, path: `blobs/${blob.digest}` };
          return download(partial, blob, host.server, (headers) => ask({ ...request, headers }, signal));
        };
        return fromHosts(image, fetchFrom, signal, { progress: partial.size });
      };
      return completeFile(target, blob, fill, signal);
    },

    fetchEnd: (image, { digest, size }, count, signal) => {
      const headers = { range: `bytes=${size - count}-${size - 1}` };
      const fetchFrom = async (host: RegistryHost): Promise<Buffer> => {
        const answer = await ask({ host, image, path: `blobs/${digest}`, headers }, signal);
        if (answer.status === 206 && firstByte(answer) === size - count) {
          return readAll(answer.body, host.server, count);
        }
        await answer.discard();
        throw new RegistryFailure('final', `${host.server} cannot send a part of a blob`);
      };
      return fromHosts(image, fetchFrom, signal, { tries: 1 });
    },

    close: transport.close,
  };
};

interface FetchOptions {
  /** what a host must be able to do */
  capability?: 'pulls' | 'resolves';
  /** grows as long as it makes sense to go on */
  progress?: () => number;
  /** how often all hosts are tried */
  tries?: number;
}

const once = (report: (warning: string) => void): ((warning: string) => void) => {
  const reported = new Set<string>();
  return (warning) => {
    if (!reported.has(warning)) report(warning);
    reported.add(warning);
  };
};
