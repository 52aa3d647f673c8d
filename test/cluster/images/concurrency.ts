/** Like Promise.all over `work`, with no more than `bound` of them under way. */
export const mapBounded = async <T, R>(items: T[], bound: number, work: (item: T) => Promise<R>): Promise<R[]> => {
  const results: R[] = [];
  const queue = items.entries();
  const worker = async () => {
    for (const [position, item] of queue) results[position] = await work(item);
  };
  await Promise.all(Array.from({ length: bound }, worker));
  return results;
};
