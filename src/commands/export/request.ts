import { readFile } from 'node:fs/promises';
import type { Context } from '../../cli/context.ts';
import { PreloadError, reasonOf } from '../../model/errors.ts';
import { gunzipText } from '../../model/gzip.ts';
import type { RequestedImage } from '../../model/image.ts';
import { isExcluded, parseImage } from '../../model/image-reference.ts';
import { type CaptureRequest, parseRequest } from '../../model/request.ts';
import { captureSettings } from '../capture-flags.ts';
import { describeSkipped } from '../capture-progress.ts';
import type { ExportOptions } from './command.ts';

/** What to capture: the request that create sent, a list on standard input, or the images in the cluster and the cache. */
export const exportRequest = async (options: ExportOptions, context: Context): Promise<CaptureRequest> => {
  if (options.request) return readRequest(options.request);
  const { exclude, platform = context.platform } = options;
  const found = options.stdin
    ? await imagesOnStdin(context)
    : options.cacheOnly
      ? []
      : await imagesInCluster(exclude, context);
  return {
    images: found.filter(({ name }) => !isExcluded(name, exclude)),
    cache: !options.stdin,
    platform,
    ...captureSettings(options),
  };
};

const readRequest = async (path: string): Promise<CaptureRequest> => {
  try {
    return parseRequest(gunzipText(await readFile(path)));
  } catch (error) {
    throw new PreloadError(`cannot read the request: ${reasonOf(error as Error)}`);
  }
};

const imagesOnStdin = async ({ stdin }: Context): Promise<RequestedImage[]> => {
  const text = Buffer.concat((await Array.fromAsync(stdin)).map((chunk) => Buffer.from(chunk))).toString();
  const lines = text.split('\n').map((line) => line.replace(/#.*/, '').trim());
  return lines.filter(Boolean).map((line) => {
    const image = parseImage(line);
    if (!image)
      throw new PreloadError(`"${line}" on standard input is not an image reference`, 'specify one image per line');
    return { name: image, required: true, namespaces: [] };
  });
};

const REQUEST_TIMEOUT = 30_000;
const WITHOUT_CLUSTER = 'use --stdin or --cache-only';

const imagesInCluster = async (
  exclude: readonly string[],
  { env, progress, signal }: Context,
): Promise<RequestedImage[]> => {
  // the Kubernetes client loads slowly, and the loader does not need it
  const { connect } = await import('../../cluster/connection.ts');
  const { imagesInUse, requestInUse } = await import('../../cluster/images-in-use.ts');
  const remedies = { kubeconfig: `set KUBECONFIG, or ${WITHOUT_CLUSTER}`, slow: WITHOUT_CLUSTER };
  const cluster = await connect({ requestTimeout: REQUEST_TIMEOUT, remedies }, env, progress.warn);
  const { images, unusable } = await imagesInUse(cluster, signal);
  for (const image of unusable) {
    if (!exclude.some((prefix) => image.name.startsWith(prefix))) progress.warn(describeSkipped(image));
  }
  return images.map((image) => requestInUse(image, { required: false }));
};
