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

export interface RequestedImage {
  /** fully qualified name */
  name: string;
  /** the capture fails without it; other images are skipped */
  required: boolean;
  /** a workload that uses it, such as `cronjob/legacy/report` */
  usedBy?: string;
  /** namespaces that use it; their pull secrets may be tried */
  namespaces: string[];
}

/** A workload that uses an image. */
export interface ImageUser {
  /** in lower case, such as `cronjob` */
  kind: string;
  namespace: string;
  name: string;
}

/** Request for the image `name`, which `users` use. */
export const requestInUse = (name: string, users: readonly ImageUser[], required: boolean): RequestedImage => {
  const [user] = users;
  return {
    name,
    required,
    namespaces: [...new Set(users.map(({ namespace }) => namespace))],
    ...(user && { usedBy: `${user.kind}/${user.namespace}/${user.name}` }),
  };
};
