import { join } from 'node:path';
import type { CapturedImage } from '../../src/model/image.ts';
import { application } from '../cluster/images/application-layer.ts';
import { mapBounded } from '../cluster/images/concurrency.ts';
import { type Layer, layerBuilder } from '../cluster/images/layer.ts';
import type { LayerBlob } from '../cluster/images/oci-image.ts';
import { writeDocuments } from '../cluster/images/oci-layout.ts';
import { busybox, debian, debianPackages, node, pause as pauseLayer } from '../cluster/images/root-filesystems.ts';
import { assemble, type SampleImage } from '../cluster/images/sample-image.ts';
import { sampleSet } from '../cluster/images/sample-set.ts';
import { CACHE } from '../cluster/state.ts';
import { capturedImage } from '../e2e/restore/small-volume.ts';

/** Where the blobs of all images are. */
export const LAYOUT = join(CACHE, 'images');

/** What the applications of one team share. */
const libraries = (team: string, from: number): Layer[] => [
  application(`opt/${team}/framework`, { from, megabytes: 100 }),
  application(`opt/${team}/libraries`, { from: 20 - from, megabytes: 100 }),
];

const bases: Layer[][] = [
  [debian, node, ...libraries('shop', 0)],
  [debian, debianPackages('python3-minimal'), ...libraries('data', 4)],
  [debian, node, ...libraries('site', 8)],
  [debian, debianPackages('git'), ...libraries('build', 12)],
  [debian, debianPackages('nginx-light'), ...libraries('edge', 16)],
  [busybox],
];

/** Applications of 8 to 28 MB on a handful of bases with libraries, as a cluster runs them: 130 MB an archive, mostly. */
export const applications = (count: number): SampleImage[] =>
  Array.from({ length: count }, (_, number) => ({
    names: [`bench/app-${number}:1`],
    layers: [
      ...(bases[number % bases.length] ?? []),
      application(`srv/app-${number}`, { from: number % 80, megabytes: 8 + 4 * (number % 6) }),
    ],
  }));

/** What sandboxes are made from. */
export const pause: SampleImage = { names: ['pause:3.10'], layers: [pauseLayer] };

/** The images of the sample set that have a tag and lack nothing. */
export const samples = (): SampleImage[] =>
  sampleSet.filter(({ names: [name], absent }) => name?.includes(':') && !absent);

/** Builds the images into the layout. */
export const buildImages = async (
  images: readonly SampleImage[],
  log: (line: string) => void,
): Promise<CapturedImage[]> => {
  const build = layerBuilder(LAYOUT, log);
  return mapBounded([...images], 2, async (image) => buildImage(image, await mapBounded(image.layers, 2, build)));
};

const buildImage = async (image: SampleImage, blobs: LayerBlob[]): Promise<CapturedImage> => {
  const { root, manifests, blobs: documents } = assemble(image, blobs);
  await writeDocuments(LAYOUT, [...documents, ...manifests]);
  const [manifest] = manifests;
  const config = documents[0];
  if (!manifest || !config) throw new Error(`${image.names[0]} has no manifest`);
  const tags = image.names.map((name) => `registry.test/${name}`);
  return capturedImage(tags, root, { manifest, config }, blobs, image.names[0]?.startsWith('pause'));
};
