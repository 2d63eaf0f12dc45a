const hueCount = 36;

function hash(text: string): number {
  let value = 2166136261;
  for (let index = 0; index < text.length; index++) {
    value ^= text.charCodeAt(index);
    value = Math.imul(value, 16777619);
  }
  // Ids that differ in their last letters only must not come out alike.
  value ^= value >>> 15;
  value = Math.imul(value, 2246822519);
  return (value ^ (value >>> 13)) >>> 0;
}

/** The colour of a run, the same on every page and in every session; readable in both themes. */
export function runColour(id: string): string {
  const value = hash(id);
  const hue = ((value % hueCount) * 360) / hueCount;
  const lightness = [0.58, 0.66, 0.5][Math.floor(value / hueCount) % 3] ?? 0.58;
  return `oklch(${lightness} 0.14 ${hue.toFixed(0)})`;
}
