import assert from 'node:assert/strict';

/** Removes the blobs of all layers that are unpacked, as containerd does with discard_unpacked_layers. */
export const discardLayers = async (ctr: (...args: string[]) => Promise<string>): Promise<void> => {
  const table = await ctr('content', 'ls');
  const layers = table.split('\n').filter((line) => line.includes('containerd.io/uncompressed='));
  const digests = layers.map((line) => line.split(/\s+/)[0] ?? '');
  assert.ok(digests.length > 0, table);
  await ctr('content', 'rm', ...digests);
};
