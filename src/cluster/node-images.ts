import { NODE } from '../model/cluster-objects.ts';
import { type ImageReference, imageName, parseImage, repository } from '../model/image-reference.ts';
import type { Cluster } from './connection.ts';
import { list } from './lists.ts';

/** An image as the nodes report it. */
export interface ImageOnNodes {
  name: ImageReference;
  /** compressed bytes, the largest if nodes differ */
  size: number;
  /** several if the tag has moved, or nodes have different platforms */
  digests: string[];
  /** names of the nodes that report it */
  nodes: string[];
}

export interface ImagesOnNodes {
  /** by name */
  images: Map<string, ImageOnNodes>;
  /** nodes that may have more images than they report */
  full: string[];
}

const MOST_REPORTED = 50; // by a kubelet, unless its configuration says otherwise

export const imagesOnNodes = async (cluster: Cluster, signal: AbortSignal): Promise<ImagesOnNodes> => {
  const images = new Map<string, ImageOnNodes>();
  const full: string[] = [];
  for await (const { metadata, status } of list(cluster, 'Node', NODE, { signal })) {
    const node = metadata.name;
    if (status.images.length >= MOST_REPORTED) full.push(node);
    for (const { names, sizeBytes } of status.images) {
      const references = names.flatMap((name) => parseImage(name) ?? []);
      const digests = new Map(references.flatMap((name) => (name.digest ? [[repository(name), name.digest]] : [])));
      for (const name of references) {
        const key = imageName(name);
        const known = images.get(key) ?? { name, size: 0, digests: [], nodes: [] };
        const digest = name.digest ?? digests.get(repository(name));
        known.size = Math.max(known.size, sizeBytes);
        if (digest && !known.digests.includes(digest)) known.digests.push(digest);
        if (known.nodes.at(-1) !== node) known.nodes.push(node);
        images.set(key, known);
      }
    }
  }
  return { images, full };
};

/** The images in the cache of `node`; by digest only those without a tag. */
export const cacheOf = ({ images }: ImagesOnNodes, node: string): ImageReference[] => {
  const cached = [...images.values()].filter(({ nodes }) => nodes.includes(node));
  const tagged = cached.flatMap(({ name, digests }) =>
    name.digest ? [] : digests.map((digest) => ({ ...name, digest })),
  );
  const known = new Set(tagged.map(imageName));
  return cached.map(({ name }) => name).filter((name) => !known.has(imageName(name)));
};
