import { BlockList, isIP } from 'node:net';

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Returns the proxy that Go programs use for `url` with this environment; undefined for a direct connection. */
export const proxyFor = (url: URL, environment: Environment): string | undefined => {
  const read = (name: string) => environment[name] || environment[name.toLowerCase()];
  const proxy = read(url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY');
  if (!proxy || isDirect(url, read('NO_PROXY') ?? '')) return undefined;
  return /^(https?|socks5h?):\/\//.test(proxy) ? proxy : `http://${proxy}`;
};

const isDirect = (url: URL, noProxy: string): boolean => {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  if (host === 'localhost' || isInRange(host, '127.0.0.0/8') || host === '::1') return true;
  return noProxy
    .toLowerCase()
    .split(',')
    .map((rule) => rule.trim())
    .some((rule) => rule !== '' && (rule === '*' || isInRange(host, rule) || matches(host, port, rule)));
};

const matches = (host: string, port: string, rule: string): boolean => {
  const [, name = '', rulePort] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(isIP(rule) ? `[${rule}]` : rule) ?? [];
  if (rulePort !== undefined && rulePort !== port) return false;
  const domain = name.replace(/^\*?\./, '');
  const includesItself = domain === name;
  return (includesItself && host === domain) || (!isIP(host) && host.endsWith(`.${domain}`));
};

const isInRange = (host: string, range: string): boolean => {
  const [address = '', bits] = range.split('/');
  const family = familyOf(host);
  const size = Number(bits ?? Number.NaN);
  if (!family || family !== familyOf(address) || Number.isNaN(size) || size > (family === 'ipv4' ? 32 : 128))
    return false;
  const list = new BlockList();
  list.addSubnet(address, size, family);
  return list.check(host, family);
};

const familyOf = (host: string): 'ipv4' | 'ipv6' | undefined =>
  isIP(host) === 4 ? 'ipv4' : isIP(host) === 6 ? 'ipv6' : undefined;
