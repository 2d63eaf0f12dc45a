/**
 * How well `text` answers `query`, or null when it does not: each word of the query must occur, and
 * beginnings of words count more.
 */
export function matchScore(query: string, text: string): number | null {
  const haystack = text.toLowerCase();
  let score = 0;
  for (const word of query.toLowerCase().split(/\s+/)) {
    if (word === '') continue;
    const at = haystack.indexOf(word);
    if (at < 0) return null;
    const startsWord = at === 0 || /[\s/_.-]/.test(haystack.charAt(at - 1));
    score += (startsWord ? 10 : 4) - Math.min(3, at / 20);
  }
  return score - haystack.length / 200;
}
