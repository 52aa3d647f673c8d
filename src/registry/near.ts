import { lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

// Near addresses mean something else on each node: the node itself, its link, the metadata service of its cloud. Whoever
// names an image chooses its registry, and the loader can reach more than they can, so a registry must not lead it there.
const NEAR = new BlockList();
for (const [address, bits, family] of [
  ['0.0.0.0', 8, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['100.100.100.200', 32, 'ipv4'], // metadata on Alibaba Cloud
  ['168.63.129.16', 32, 'ipv4'], // metadata on Azure
  ['::', 127, 'ipv6'], // unspecified and loopback
  ['fe80::', 10, 'ipv6'],
  ['fd00:ec2::', 32, 'ipv6'], // metadata on AWS
  ['fd20:ce::254', 128, 'ipv6'], // metadata on Google Cloud
] as const)
  NEAR.addSubnet(address, bits, family);

/** Whether a URL's host name is a near address, without resolving it. */
export const isNear = (hostname: string): boolean => {
  const host = hostname.replace(/^\[|\]$/g, '');
  const family = isIP(host);
  if (family === 0) return /(^|\.)localhost\.?$/.test(host);
  return NEAR.check(host, family === 6 ? 'ipv6' : 'ipv4');
};

/** The error code of `lookupFar`. */
export const NEAR_ADDRESS = 'ERR_NEAR_ADDRESS';

/**
 * Resolves names for connections, but not to near addresses. The connection uses the addresses that were checked. Not
 * covered: the registry's own name, names that a proxy resolves, and addresses that a gateway translates (NAT64).
 */
export const lookupFar: LookupFunction = (hostname, options, callback) =>
  lookup(hostname, { ...options, all: true }, (error, addresses = []) => {
    const [first = { address: '', family: 0 }] = addresses;
    const isRefused = addresses.some(({ address }) => isNear(address));
    if (error) callback(error, []);
    else if (isRefused) callback(Object.assign(new Error('near address'), { code: NEAR_ADDRESS }), []);
    else if (options.all) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
