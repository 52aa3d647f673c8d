/** All that a containerd has, as its tables show it; `ask` runs ctr in the kubelet's namespace. */
export const storeOf = async (ask: (...args: string[]) => Promise<string>): Promise<string[]> => {
  const tables = await Promise.all([
    ask('images', 'ls'),
    ask('content', 'ls', '--quiet'),
    ask('snapshots', 'ls'),
    ask('leases', 'ls', '--quiet'),
  ]);
  return tables.map((table) => table.replace(OF_CONTAINERS, ''));
};

// what it keeps of a loader's containers, which the kubelet removes a moment later
const OF_CONTAINERS = /^[0-9a-f]{64}\b.*\n/gm;
