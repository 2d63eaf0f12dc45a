export type Search = Record<string, unknown>;

/** Plain `?key=value`, without the quotes that a JSON value would need: links are read and typed by people. */
export function parseSearch(text: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(text));
}

export function stringifySearch(search: Search): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(search)) {
    if (typeof value === 'string' && value !== '') parameters.set(key, value);
    else if (typeof value === 'number' || typeof value === 'boolean')
      parameters.set(key, String(value));
  }
  const text = parameters.toString().replaceAll('%2C', ',').replaceAll('%2F', '/');
  return text === '' ? '' : `?${text}`;
}

export function textOf(search: Search, key: string): string | undefined {
  const value = search[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function oneOf<Value extends string>(
  search: Search,
  key: string,
  values: readonly Value[],
): Value | undefined {
  return values.find((value) => value === search[key]);
}

/** A list in one search parameter; items may hold commas themselves. */
export function listToText(items: readonly string[]): string | undefined {
  return items.length === 0
    ? undefined
    : items.map((item) => item.replaceAll(',', '%2C')).join(',');
}

export function textToList(text: string | undefined): string[] {
  return text === undefined ? [] : text.split(',').map((item) => item.replaceAll('%2C', ','));
}
