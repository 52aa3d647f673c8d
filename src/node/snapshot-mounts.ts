/** Folders of the layers in the mount that `ctr snapshots prepare --target` prints for a child of them, base first. */
export const parseLowerDirectories = (mountCommand: string): string[] => {
  const lower = /lowerdir=([^\s,]+)/.exec(mountCommand)?.[1];
  return lower ? lower.split(':').reverse() : [];
};

/** The writable folder in such a mount: of a snapshot without a parent it is what gets bound. */
export const parseUpperDirectory = (mountCommand: string): string | undefined =>
  /upperdir=([^\s,]+)/.exec(mountCommand)?.[1] ?? /^mount -t bind (\S+) /m.exec(mountCommand)?.[1];
