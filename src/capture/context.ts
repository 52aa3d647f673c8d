import type { ExportEvent } from '../model/events.ts';
import type { Form } from '../model/layout.ts';
import type { CaptureRequest } from '../model/request.ts';
import type { NodeStore } from '../node/containerd.ts';
import type { RegistryClient } from '../registry/client.ts';
import type { PullSecret } from '../registry/credentials.ts';

export interface CaptureOptions {
  /** where the node's root is mounted; `/` when run on the node itself */
  root: string;
  /** where the volume is mounted */
  volume: string;
  pullSecrets: readonly PullSecret[];
  /** also use a folder that is no mount point, and delete what others stored there */
  force: boolean;
  /** write restore.sh to the volume */
  restoreScript: boolean;
  /** of this tool */
  version: string;
  report: (event: ExportEvent) => void;
  signal: AbortSignal;
}

/** What every part of a capture works with. */
export interface Capture extends CaptureOptions {
  request: CaptureRequest;
  /** names this run on the node */
  run: string;
  /** the volume as the node's own tools see it */
  volumeInNode: string;
  node: NodeStore;
  registry: RegistryClient;
  form: Form;
}
