import type { ExportEvent } from '../model/events.ts';
import type { Form } from '../model/layout.ts';
import type { CaptureRequest } from '../model/request.ts';
import type { NodeStore } from '../node/containerd.ts';
import type { RegistryClient } from '../registry/client.ts';
import type { PullSecret } from '../registry/credentials.ts';
import type { RateLimit } from './rate.ts';

/** What the user can do, in the flags of the command that was typed. */
export interface Remedies {
  /** a volume of at least `size`, a quantity; just a larger one without it */
  largerVolume: (size?: string) => string;
  otherNode: string;
  otherVolume: string;
  emptyVolume: string;
}

export interface PlanOptions {
  /** where the node's root is mounted; `/` on the node itself */
  root: string;
  pullSecrets: readonly PullSecret[];
  remedies: Remedies;
  report: (event: ExportEvent) => void;
  signal: AbortSignal;
}

export interface CaptureOptions extends PlanOptions {
  /** where the volume is mounted */
  volume: string;
  /** also use a directory that is not a mount point, and delete other files in it */
  force: boolean;
  /** write restore.sh to the volume */
  withScript: boolean;
  /** of this tool */
  version: string;
}

/** What all parts of a plan share. */
export interface Planning extends PlanOptions {
  request: CaptureRequest;
  node: NodeStore;
  registry: RegistryClient;
  form: Form;
  /** where the volume is mounted; undefined if the plan is made without it */
  volume?: string;
}

/** What all parts of a capture share. */
export interface Capture extends CaptureOptions, Planning {
  volume: string;
  /** ID of this run on the node */
  runId: string;
  /** path of the volume for the node's own tools */
  volumeInNode: string;
  /** for all reading from the node's disk; undefined without a limit */
  rateLimit: RateLimit | undefined;
}
