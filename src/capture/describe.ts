import type { CapturedImage, ResolvedImage } from '../model/image.ts';
import { type CapturePlan, sourceIn } from '../model/plan.ts';
import type { NodeTools } from '../model/request.ts';
import type { RestoreDefaults } from '../volume/format.ts';

/** What preload.json says about an image; those in `withBlobs` have their layers' blobs on the volume. */
export const capturedImage = (
  image: ResolvedImage,
  plan: CapturePlan,
  withBlobs: ReadonlySet<ResolvedImage>,
): CapturedImage => ({
  names: image.names,
  digest: image.target.digest,
  manifest: image.manifest.digest,
  config: image.config.digest,
  ...documentsBeside(image),
  ...(image.platform && { platform: image.platform }),
  layers: image.layers.map(({ chainId, digest, size }) => ({
    chainId,
    digest,
    bytes: size,
    source: sourceIn(plan, chainId),
  })),
  sandbox: image.wanted.some(({ sandbox }) => sandbox),
  system: image.wanted.some(({ namespaces }) => namespaces.includes('kube-system')),
  blobs: withBlobs.has(image),
});

const documentsBeside = ({ target, manifest, documents }: ResolvedImage): Pick<CapturedImage, 'documents'> => {
  const others = documents.filter((document) => document !== target && document !== manifest);
  return others.length > 0 ? { documents: others.map(({ digest }) => digest) } : {};
};

/** Returns the settings of this node that differ from the defaults; restore.sh uses them on new nodes. */
export const restoreDefaults = ({ ctrPath, ctrFlags }: NodeTools): RestoreDefaults => {
  const address = /(?:^|\s)(?:-a|--address)[\s=]+(\S+)/.exec(ctrFlags)?.[1]?.replace(/^unix:\/\//, '');
  return { ...(ctrPath !== 'ctr' && { ctr: ctrPath }), ...(address && { address }) };
};
