/** The first lines that differ, so that a report stays short. */
export const differences = (found: string, expected: string): string[] => {
  const [left, right] = [found.split('\n'), expected.split('\n')];
  return Array.from({ length: Math.max(left.length, right.length) }, (_, line) => line)
    .filter((line) => left[line] !== right[line])
    .slice(0, 5)
    .map((line) => `found: ${left[line]}; expected: ${right[line]}`);
};
