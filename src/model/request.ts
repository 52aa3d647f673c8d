import type { RequestedImage } from './image.ts';
import type { Layout } from './layout.ts';

/** What the workstation asks the loader pod to capture. */
export interface CaptureRequest {
  images: RequestedImage[];
  /** also capture every image in the node's cache */
  cache: boolean;
  /** resolve tags in the registry instead of using the node's version */
  forcePull: boolean;
  /** how many layers are copied or fetched at the same time */
  parallel: number;
  /** prefixes of names to leave out */
  exclude: string[];
  /** `linux/amd64` */
  platform: string;
  layout: Layout;
  /** also write one archive per image, like the original tool */
  oneTarPerImage: boolean;
  tools: NodeTools;
}

/** The node's own programs; paths on the node. */
export interface NodeTools {
  /** command and flags; `ctr` by default */
  ctrPath: string;
  ctrFlags: string;
  containerdPath: string;
}
