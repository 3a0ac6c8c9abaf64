/**
 * Does something with each item, so many at a time, in their order. The first failure ends what the others would begin,
 * and is thrown once nothing is under way any more.
 */
export async function forEachAtOnce<T>(
  items: Iterable<T>,
  atOnce: number,
  body: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const work = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await body(item);
  };
  const workers = Array.from({ length: atOnce }, () =>
    work().catch(error => {
      queue.length = 0;
      throw error;
    }),
  );
  for (const result of await Promise.allSettled(workers))
    if (result.status === 'rejected') throw result.reason;
}
