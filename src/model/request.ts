/** What the workstation asks the loader pod to capture. */
export interface CaptureRequest {
  images: RequestedImage[];
  /** also every image in the node's own cache */
  cache: boolean;
  /** prefixes of names to leave out */
  exclude: string[];
  /** `linux/amd64` */
  platform: string;
}

export interface RequestedImage {
  /** fully qualified name */
  name: string;
  /** the user asked for it, so the capture fails without it; others are skipped */
  required: boolean;
  /** `cronjob/legacy/report`: who runs it */
  usedBy?: string;
}
