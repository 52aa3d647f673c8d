import { connect, constants, type IncomingHttpHeaders } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { PreloadError } from '../model/errors.ts';
import { SNAPSHOTTER } from '../model/layout.ts';
import { mapFields, message } from './protobuf.ts';

/**
 * containerd's own API, without ctr: each call of ctr starts a program of 30 MB, which takes 20 to 40 ms of a processor, and
 * a store of 60 images needs a thousand calls. All calls throw PreloadError.
 */
export interface ContainerdApi {
  /** Prepares a snapshot on top of `parent`, if there is one. */
  prepare: (key: string, parent: string | undefined) => Promise<void>;
  /** Makes the prepared snapshot `key` a layer, which garbage collection keeps. */
  commit: (name: string, key: string) => Promise<void>;
  labelImage: (name: string, labels: Readonly<Record<string, string>>) => Promise<void>;
  close: () => void;
}

const CALL_LIMIT = 30_000; // milliseconds
const PREFIX = 5; // bytes before a message: whether it is compressed, and its size

/** Connects to the containerd that listens on `socket`. */
export const openContainerdApi = (socket: string, namespace: string, signal: AbortSignal): ContainerdApi => {
  const session = connect('http://localhost', { createConnection: () => connectSocket(socket) });
  session.on('error', () => {}); // its calls fail
  const call = (service: string, request: Buffer): Promise<void> =>
    new Promise((resolve, reject) => {
      const stream = session.request(
        {
          ':method': 'POST',
          ':path': `/containerd.services.${service}`,
          'content-type': 'application/grpc',
          'containerd-namespace': namespace,
          te: 'trailers',
        },
        { signal },
      );
      let said: IncomingHttpHeaders = {};
      const hear = (headers: IncomingHttpHeaders) => {
        said = { ...said, ...headers };
      };
      let failure: Error | undefined;
      stream.on('response', hear).on('trailers', hear).resume();
      stream.on('error', (error) => {
        failure = error;
      });
      stream.setTimeout(CALL_LIMIT, () => stream.close(constants.NGHTTP2_CANCEL));
      stream.on('close', () => {
        if (said['grpc-status'] === '0') return resolve();
        const reason = said['grpc-message'] ?? failure?.message ?? 'it does not answer';
        reject(signal.aborted ? signal.reason : new PreloadError(`containerd refuses ${service}: ${reason}`));
      });
      const prefix = Buffer.alloc(PREFIX);
      prefix.writeUInt32BE(request.length, 1);
      stream.end(Buffer.concat([prefix, request]));
    });
  return {
    prepare: (key, parent = '') =>
      call('snapshots.v1.Snapshots/Prepare', message([1, SNAPSHOTTER], [2, key], [3, parent], ...mapFields(4, KEPT))),
    commit: (name, key) =>
      call('snapshots.v1.Snapshots/Commit', message([1, SNAPSHOTTER], [2, name], [3, key], ...mapFields(4, KEPT))),
    labelImage: (name, labels) => {
      const image = message([1, name], ...mapFields(2, labels), NO_TARGET);
      const mask = message(...Object.keys(labels).map((key): [number, string] => [1, `labels.${key}`]));
      return call('images.v1.Images/Update', message([1, image], [2, mask]));
    },
    close: () => session.destroy(),
  };
};

/** As ctr labels snapshots, which makes garbage collection keep them; any value does. */
const KEPT = { 'containerd.io/gc.root': '2026-01-01T00:00:00Z' };

// containerd reads it even if it does not change, and ends if it is not there
const NO_TARGET: [number, string] = [3, ''];
