import { inNode, run } from './command.ts';

/** Prefix that runs the command at low CPU and disk priority, as far as the node has the tools. */
export const lowPriority = (root: string): Promise<string[]> =>
  available(root, [
    ['nice', '-n', '10'],
    ['ionice', '-c', '3'],
  ]);

/** Prefix that kills the command when this process dies, if the node has setpriv. In a pod, it dies anyway. */
export const diesWithUs = (root: string): Promise<string[]> => available(root, [['setpriv', '--pdeathsig', 'KILL']]);

const available = async (root: string, words: readonly string[][]): Promise<string[]> => {
  const there = await Promise.all(
    words.map((tool) =>
      run(inNode(root, [...tool, 'true'])).then(
        () => tool,
        () => [],
      ),
    ),
  );
  return there.flat();
};
