import { asListDocument } from '../../cli/document.ts';
import { formatJson, formatTable, formatYaml, type Output } from '../../cli/output.ts';
import { printUser } from '../../cluster/images-in-use.ts';
import type { ImagesOnNodes } from '../../cluster/node-images.ts';
import type { ImageUser } from '../../model/coverage.ts';
import { imageName } from '../../model/image-reference.ts';
import { formatBytes } from '../../model/units.ts';
import type { FoundImage } from '../find-images.ts';

/** An image that `create` would capture, as -o json prints it. */
export interface ImageEntry {
  /** fully qualified */
  name: string;
  /** compressed bytes; undefined if no node reports it */
  size?: number;
  /** of the index or manifest, if nodes agree */
  digest?: string;
  /** the user named it, so create fails if it cannot be captured */
  required: boolean;
  users: ImageUser[];
  files: string[];
  /** names of the nodes that report it; undefined if this user may not list nodes */
  nodes?: string[];
  /** how many more nodes may have it, because they do not report all their images */
  nodesUnknown?: number;
}

/** `onNodes` is null if this user may not list nodes. */
export const imageEntry = ({ name, users, files, isNamed }: FoundImage, onNodes: ImagesOnNodes | null): ImageEntry => {
  const key = imageName(name);
  const found = onNodes?.images.get(key);
  const nodes = found?.nodes ?? [];
  const has = new Set(nodes);
  const [digest, ...others] = name.digest ? [name.digest] : (found?.digests ?? []);
  return {
    name: key,
    ...(found?.size && { size: found.size }),
    ...(digest && others.length === 0 && { digest }),
    required: isNamed,
    users,
    files,
    ...(onNodes && { nodes, nodesUnknown: onNodes.full.filter((node) => !has.has(node)).length }),
  };
};

/** Text for the images, which are sorted already. */
export const formatImages = (images: readonly ImageEntry[], output: Output | 'wide'): string => {
  if (output === 'name') return images.map(({ name }) => name).join('\n');
  if (output === 'json') return formatJson(asListDocument('Image', images));
  if (output === 'yaml') return formatYaml(asListDocument('Image', images));
  if (output === 'wide') return formatTable([...HEAD, 'DIGEST', 'NODE-NAMES'], images.map(wideRow));
  return formatTable(HEAD, images.map(row));
};

const HEAD = ['NAME', 'SIZE', 'USED-BY', 'NODES'];

const row = (image: ImageEntry): string[] => [...firstColumns(image), joined(usersOf(image), 1), countOf(image)];

const wideRow = (image: ImageEntry): string[] => [
  ...firstColumns(image),
  joined(usersOf(image), MOST_SHOWN),
  countOf(image),
  image.digest ?? '<unknown>',
  image.nodes ? joined(image.nodes, MOST_SHOWN) : '<unknown>',
];

const MOST_SHOWN = 10; // a column is as wide as its longest cell

const firstColumns = ({ name, size }: ImageEntry): string[] => [
  name,
  size === undefined ? '<unknown>' : formatBytes(size),
];

const usersOf = ({ users, files }: ImageEntry): string[] => [...users.map(printUser), ...files];

/** `deployment/shop/web +2 more`, as kubectl shortens lists */
const joined = (texts: readonly string[], most: number): string => {
  const more = texts.length - most;
  return `${texts.slice(0, most).join(', ') || '<none>'}${more > 0 ? ` +${more} more` : ''}`;
};

/** `3+` if more nodes may have it. */
const countOf = ({ nodes, nodesUnknown = 0 }: ImageEntry): string =>
  nodes ? `${nodes.length}${nodesUnknown > 0 ? '+' : ''}` : '<unknown>';
