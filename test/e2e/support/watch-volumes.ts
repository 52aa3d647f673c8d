import { startOnNode } from './commands.ts';

/** The most that was used of any volume. */
interface Peak {
  /** bytes */
  used: number;
}

const EACH = `echo started
  while sleep 0.2; do
    df --block-size=1 --output=used,target /var/lib/kubelet/pods/*/volumes/kubernetes.io~csi/*/mount 2>/dev/null || :
  done`;

/** Watches the volumes that pods on a node mount, a few times a second until `end`. */
export const watchVolumes = async (node: string): Promise<{ end: () => Promise<Peak> }> => {
  const child = await startOnNode(node, ['sh', '-uc', EACH]);
  const peak: Peak = { used: 0 };
  let rest = '';
  const started = new Promise<void>((resolve) => {
    child.stdout?.on('data', (chunk) => {
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop() ?? '';
      if (lines.includes('started')) resolve();
      for (const line of lines) {
        const [, used] = /^ *(\d+) .*\/kubernetes\.io~csi\/.*\/mount$/.exec(line) ?? [];
        peak.used = Math.max(peak.used, Number(used ?? 0));
      }
    });
  });
  await started;
  const end = async () => {
    const closed = new Promise((resolve) => child.once('close', resolve));
    child.kill();
    await closed;
    return peak;
  };
  return { end };
};
