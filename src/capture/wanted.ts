import { type ImageReference, imageName, isExcluded, parseImage } from '../model/image-reference.ts';
import type { CaptureRequest } from '../model/request.ts';
import type { NodeImages } from '../node/containerd.ts';

/** One name to capture. */
export interface WantedImage {
  /** by which it is kept */
  name: ImageReference;
  /** to fetch: the version the node runs where it has the name, not what a moved tag means by now */
  source: ImageReference;
  required: boolean;
  sandbox: boolean;
  /** whose pull secrets may be tried */
  namespaces: string[];
  usedBy?: string;
}

/** The names of `request`, of the node's cache if asked for, and the sandbox image, each once. */
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
