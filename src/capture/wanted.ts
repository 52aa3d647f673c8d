import { type ImageReference, imageName, isExcluded, parseImage } from '../model/image-reference.ts';
import type { CaptureRequest } from '../model/request.ts';
import type { NodeImages } from '../node/containerd.ts';

/** An image name to capture. */
export interface WantedImage {
  /** name on the volume */
  name: ImageReference;
  /** what to fetch: the node's version if it has the name, since the tag may have moved in the registry */
  source: ImageReference;
  required: boolean;
  sandbox: boolean;
  /** namespaces whose pull secrets may be used */
  namespaces: string[];
  usedBy?: string;
}

/** Returns the names in `request`, in the node's cache if requested, and the sandbox image, without duplicates. */
export const wantedImages = (
  request: CaptureRequest,
  onNode: NodeImages,
  sandbox: string | undefined,
): WantedImage[] => {
  const wanted = new Map<string, WantedImage>();
  const add = (text: string, settings: Omit<WantedImage, 'name' | 'source'>) => {
    const name = parseImage(text);
    if (!name) return;
    const known = wanted.get(imageName(name));
    if (known) {
      known.required ||= settings.required;
      known.namespaces = [...known.namespaces, ...settings.namespaces];
      return;
    }
    const digest = request.forcePull ? undefined : onNode.get(imageName(name));
    wanted.set(imageName(name), { name, source: digest ? { ...name, digest } : name, ...settings });
  };
  if (sandbox) add(sandbox, { required: false, sandbox: true, namespaces: [] });
  for (const { name, ...settings } of request.images) add(name, { ...settings, sandbox: false });
  const cached = request.cache ? [...onNode.keys()] : [];
  for (const name of cached) {
    if (!isExcluded(name, request.exclude))
      add(name, { required: false, sandbox: false, namespaces: [], usedBy: 'the node’s cache' });
  }
  return [...wanted.values()];
};
