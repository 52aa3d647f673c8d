import type { Layout } from './layout.ts';

/** What the workstation asks the loader pod to capture. */
export interface CaptureRequest {
  images: RequestedImage[];
  /** also every image in the node's own cache */
  cache: boolean;
  /** what tags mean in the registry by now, not what the node runs */
  forcePull: boolean;
  /** how many things are copied or fetched at once */
  parallel: number;
  /** prefixes of names to leave out */
  exclude: string[];
  /** `linux/amd64` */
  platform: string;
  layout: Layout;
  /** also an archive of every image, as the original tool made them */
  oneTarPerImage: boolean;
  tools: NodeTools;
}

/** The node's own programs, as the node would call them. */
export interface NodeTools {
  /** command and flags; `ctr` by default */
  ctrPath: string;
  ctrFlags: string;
  containerdPath: string;
}

export interface RequestedImage {
  /** fully qualified name */
  name: string;
  /** the user asked for it, so the capture fails without it; others are skipped */
  required: boolean;
  /** `cronjob/legacy/report`: who runs it */
  usedBy?: string;
  /** where it is used: their pull secrets may be tried */
  namespaces: string[];
}

/** Something of the cluster that names an image. */
export interface ImageUser {
  /** in lower case, such as `cronjob` */
  kind: string;
  namespace: string;
  name: string;
}

/** The image `name`, which was found in use by `users`. */
export const requestInUse = (name: string, users: readonly ImageUser[], required: boolean): RequestedImage => {
  const [user] = users;
  return {
    name,
    required,
    namespaces: [...new Set(users.map(({ namespace }) => namespace))],
    ...(user && { usedBy: `${user.kind}/${user.namespace}/${user.name}` }),
  };
};
