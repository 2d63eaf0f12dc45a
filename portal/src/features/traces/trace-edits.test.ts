import { describe, expect, it } from 'vitest';
import { forEachOf } from './trace-edits';

describe('what is done to many', () => {
  it('is done to each', async () => {
    const seen: number[] = [];
    const items = Array.from({ length: 20 }, (_, index) => index);
    const result = await forEachOf(items, (item) => Promise.resolve(seen.push(item)));
    expect(result).toEqual({ done: 20, error: null });
    expect(seen.toSorted((left, right) => left - right)).toEqual(items);
  });

  it('ends with the first failure, and says how much was done', async () => {
    const items = Array.from({ length: 100 }, (_, index) => index);
    const problem = new Error('refused');
    const result = await forEachOf(items, (item) =>
      item === 10 ? Promise.reject(problem) : Promise.resolve(),
    );
    expect(result.error).toBe(problem);
    expect(result.done).toBeGreaterThanOrEqual(10);
    expect(result.done).toBeLessThan(30);
  });
});
