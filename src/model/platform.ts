/** What an image is built for, with the names of the OCI image specification; each may be missing or another spelling. */
export interface Platform {
  os?: string | null | undefined;
  architecture?: string | null | undefined;
  variant?: string | null | undefined;
}

/** `linux/amd64` or `linux/arm/v7`; the same for all spellings of a platform, as containerd compares them. */
export const platformName = ({ os, architecture, variant }: Platform): string => {
  const [arch, version] = normalized((architecture ?? '').toLowerCase(), (variant ?? '').toLowerCase());
  return [os?.toLowerCase() || 'linux', arch, ...(version ? [version] : [])].join('/');
};

/** The parts of `linux/arm/v7`. */
export const parsePlatform = (name: string): Platform => {
  const [os, architecture, variant] = name.split('/');
  return { os, architecture, variant };
};

/** Names of the platforms whose images a node of platform `name` runs, best first, as containerd chooses among them. */
export const acceptedPlatforms = (name: string): string[] => {
  const [os = '', architecture = '', variant = ''] = platformName(parsePlatform(name)).split('/');
  const named = (arch: string, versions: string[]) =>
    versions.map((version) => platformName({ os, architecture: arch, variant: version }));
  if (architecture === 'amd64') return [...named('amd64', olderVersions(variant, 1)), `${os}/386`];
  if (architecture === 'arm') return named('arm', olderVersions(variant, 5));
  if (architecture === 'arm64') return [`${os}/arm64`, ...named('arm', olderVersions('v8', 5))];
  return [platformName({ os, architecture, variant })];
};

/** `v3`, `v2`, `v1`; only `variant` itself if it is not a version. */
const olderVersions = (variant: string, oldest: number): string[] => {
  const newest = Number(/^v(\d)$/.exec(variant)?.[1] ?? 0);
  if (newest < oldest) return [variant];
  return Array.from({ length: newest - oldest + 1 }, (_, age) => `v${newest - age}`);
};

const normalized = (architecture: string, variant: string): [architecture: string, variant: string] => {
  if (architecture === 'i386') return ['386', ''];
  if (['x86_64', 'x86-64', 'amd64'].includes(architecture)) return ['amd64', variant === 'v1' ? '' : variant];
  if (['aarch64', 'arm64'].includes(architecture)) return ['arm64', ['8', 'v8'].includes(variant) ? '' : variant];
  if (architecture === 'armhf') return ['arm', 'v7'];
  if (architecture === 'armel') return ['arm', 'v6'];
  if (architecture === 'arm') return ['arm', variant === '' ? 'v7' : variant.replace(/^(?=[5-8]$)/, 'v')];
  return [architecture, variant];
};
