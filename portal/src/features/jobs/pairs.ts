/** Reads `name=value` lines; a line without `=` is a name with an empty value. */
export function parsePairs(text: string): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const trimmed = line.trim();
    if (trimmed === '') continue;
    const equals = trimmed.indexOf('=');
    if (equals < 0) pairs[trimmed] = '';
    else pairs[trimmed.slice(0, equals).trim()] = trimmed.slice(equals + 1).trim();
  }
  return pairs;
}
