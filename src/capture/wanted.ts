import type { RequestedImage, WantedImage } from '../model/image.ts';
import { imageName, isExcluded, parseImage } from '../model/image-reference.ts';
import { quoted } from '../model/parse.ts';
import type { CaptureRequest } from '../model/request.ts';
import type { NodeImages, NodeStore } from '../node/containerd.ts';

/** Returns the names in `request`, in the node's cache if requested, and the sandbox image, without duplicates. */
export const wantedImages = (
  request: CaptureRequest,
  onNode: NodeImages,
  sandbox: string | undefined,
): WantedImage[] => {
  const wanted = new Map<string, WantedImage>();
  const add = (image: RequestedImage & { sandbox: boolean }) => {
    const key = imageName(image.name);
    const known = wanted.get(key);
    if (known) {
      known.required ||= image.required;
      known.namespaces = [...known.namespaces, ...image.namespaces];
      return;
    }
    const digest = request.forcePull ? undefined : onNode.get(key);
    const source = digest ? { ...image.name, digest } : image.name;
    wanted.set(key, { ...image, source });
  };
  const pause = sandbox && parseImage(sandbox);
  if (pause) add({ name: pause, sandbox: true, required: false, namespaces: [] });
  for (const image of request.images) add({ ...image, sandbox: false });
  const ofCache = request.cacheNamespace ? [request.cacheNamespace] : [];
  const cached = request.cache ? [...onNode.keys()] : [];
  for (const text of cached) {
    const name = parseImage(text);
    if (!name || isExcluded(name, request.exclude)) continue;
    add({ name, sandbox: false, required: false, namespaces: ofCache });
  }
  return [...wanted.values()];
};

/** Names in the node's cache that cannot be captured, if the request asks for the cache, and why. */
export const unusableNames = (
  { cache }: CaptureRequest,
  { images, foreign }: Pick<NodeStore, 'images' | 'foreign'>,
): { name: string; reason: string }[] => {
  if (!cache) return [];
  const unnamed = [...images.keys()].filter((name) => !parseImage(name));
  return [
    ...unnamed.map((name) => ({ name: quoted(name), reason: 'is not an image reference' })),
    ...foreign.map((name) => ({ name: quoted(name), reason: 'has no SHA-256 digest' })),
  ];
};
