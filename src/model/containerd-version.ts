type Version = readonly [major: number, minor: number, patch: number];

/** The version in `containerd://1.7.35` or `containerd://1.6.20~ds1`; undefined for other runtimes. */
export const containerdVersion = (runtime: string): Version | undefined => {
  const [, major, minor, patch] = /^containerd:\/\/v?(\d+)\.(\d+)\.(\d+)/.exec(runtime) ?? [];
  return major === undefined ? undefined : [Number(major), Number(minor), Number(patch)];
};

/** Whether restore.sh works with it: 1.6 and newer. */
export const isSupported = ([major, minor]: Version): boolean => major > 1 || (major === 1 && minor >= 6);

const FIRST_WITH_PINS: Record<number, number> = { 6: 25, 7: 10 };

/** Whether it tells the kubelet which images are pinned, so that the kubelet does not remove them. */
export const honoursPins = ([major, minor, patch]: Version): boolean =>
  major > 1 || patch >= (FIRST_WITH_PINS[minor] ?? (minor > 7 ? 0 : Number.POSITIVE_INFINITY));
