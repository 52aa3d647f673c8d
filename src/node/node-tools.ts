import { inNode, run } from './command.ts';

/** Words before a command that make it yield the processor and the disk, as far as the node has the tools. */
export const gentle = (root: string): Promise<string[]> =>
  available(root, [
    ['nice', '-n', '10'],
    ['ionice', '-c', '3'],
  ]);

/** Words before a command that end it with this process even where that is killed; in a pod all ends with it anyway. */
export const mortal = (root: string): Promise<string[]> => available(root, [['setpriv', '--pdeathsig', 'KILL']]);

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
