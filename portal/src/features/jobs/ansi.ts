export interface AnsiStyle {
  foreground: string | null;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
}

export interface AnsiSegment {
  text: string;
  style: AnsiStyle | null;
}

const names = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];
const plain: AnsiStyle = {
  foreground: null,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
};

// CSI sequences, OSC sequences (titles, links), and two-character escapes.
const escapes =
  // eslint-disable-next-line no-control-regex
  /\u001b(?:\[([0-9;:?]*)([@-~])|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g;

export function hasEscapes(text: string): boolean {
  return text.includes('\u001b');
}

export function stripEscapes(text: string): string {
  return hasEscapes(text) ? text.replace(escapes, '') : text;
}

function paletteColour(index: number): string | null {
  const name = names[index % 8];
  if (index < 16 && name !== undefined) return `var(--ansi-${name})`;
  if (index < 232) {
    const cube = index - 16;
    const level = (part: number) => (part === 0 ? 0 : 55 + part * 40);
    return `rgb(${level(Math.floor(cube / 36))} ${level(Math.floor(cube / 6) % 6)} ${level(cube % 6)})`;
  }
  if (index < 256) {
    const grey = 8 + (index - 232) * 10;
    return `rgb(${grey} ${grey} ${grey})`;
  }
  return null;
}

function apply(style: AnsiStyle, codes: number[]): AnsiStyle {
  let next = style;
  for (let index = 0; index < codes.length; index++) {
    const code = codes[index] ?? 0;
    if (code === 0) next = plain;
    else if (code === 1) next = { ...next, bold: true };
    else if (code === 2) next = { ...next, dim: true };
    else if (code === 3) next = { ...next, italic: true };
    else if (code === 4) next = { ...next, underline: true };
    else if (code === 22) next = { ...next, bold: false, dim: false };
    else if (code === 23) next = { ...next, italic: false };
    else if (code === 24) next = { ...next, underline: false };
    else if (code === 39) next = { ...next, foreground: null };
    else if (code >= 30 && code <= 37) next = { ...next, foreground: paletteColour(code - 30) };
    else if (code >= 90 && code <= 97) next = { ...next, foreground: paletteColour(code - 90) };
    else if (code === 38 || code === 48) {
      const kind = codes[index + 1];
      const taken = kind === 5 ? 2 : kind === 2 ? 4 : 0;
      if (code === 38 && kind === 5) {
        next = { ...next, foreground: paletteColour(codes[index + 2] ?? 0) };
      } else if (code === 38 && kind === 2) {
        const [red = 0, green = 0, blue = 0] = codes.slice(index + 2, index + 5);
        next = { ...next, foreground: `rgb(${red} ${green} ${blue})` };
      }
      index += taken;
    }
  }
  return next;
}

function isPlain(style: AnsiStyle): boolean {
  return !(style.foreground !== null || style.bold || style.dim || style.italic || style.underline);
}

/** Splits a line into runs of one style; background colours are dropped, since no theme can answer for them. */
export function parseAnsi(
  text: string,
  start: AnsiStyle | null = null,
): { segments: AnsiSegment[]; end: AnsiStyle | null } {
  if (!hasEscapes(text))
    return { segments: text === '' ? [] : [{ text, style: start }], end: start };
  const segments: AnsiSegment[] = [];
  let style = start ?? plain;
  let from = 0;
  const push = (part: string) => {
    if (part !== '') segments.push({ text: part, style: isPlain(style) ? null : style });
  };
  for (const match of text.matchAll(escapes)) {
    push(text.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[2] === 'm') {
      style = apply(
        style,
        (match[1] ?? '').split(/[;:]/).map((code) => Number(code) || 0),
      );
    }
  }
  push(text.slice(from));
  return { segments, end: isPlain(style) ? null : style };
}
