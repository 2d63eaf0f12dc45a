export interface CodePart {
  kind: 'comment' | 'string' | 'number' | 'word' | 'key' | null;
  text: string;
}

/** More than this is shown plain: colour costs an element for every word. */
const colouredMost = 60_000;

const python =
  /(?<comment>#[^\n]*)|(?<string>"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|(?<number>\b\d[\w.]*\b)|(?<word>\b(?:and|as|assert|async|await|break|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda|nonlocal|not|or|pass|raise|return|try|while|with|yield|None|True|False|self)\b)/g;
const braces =
  /(?<comment>\/\/[^\n]*|\/\*[\s\S]*?\*\/)|(?<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|(?<number>\b\d[\w.]*\b)|(?<word>\b(?:auto|bool|break|case|catch|class|const|continue|double|else|enum|export|extends|false|float|fn|for|func|function|if|import|int|interface|let|match|mut|namespace|new|null|package|private|public|return|static|struct|switch|template|this|throw|true|try|type|using|var|void|while)\b)/g;
const yaml =
  /(?<comment>(?:^|(?<=\s))#[^\n]*)|(?<key>^[ \t-]*[\w./"-]+(?=:(?:\s|$)))|(?<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\n]|'')*')|(?<number>(?<=[\s:[,])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?=[\s,\]]|$))|(?<word>\b(?:true|false|null|yes|no)\b)/gm;
const ini =
  /(?<comment>^[ \t]*[#;][^\n]*)|(?<key>^[ \t]*[\w.-]+(?=[ \t]*=)|^\[[^\]\n]*\])|(?<string>"(?:[^"\\\n]|\\.)*"|'[^'\n]*')|(?<number>(?<==[ \t]*)-?\d[\w.]*)/gm;
const json =
  /(?<key>"(?:[^"\\\n]|\\.)*"(?=\s*:))|(?<string>"(?:[^"\\\n]|\\.)*")|(?<number>-?\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b)|(?<word>\b(?:true|false|null)\b)/g;
const shell =
  /(?<comment>(?:^|(?<=\s))#[^\n]*)|(?<string>"(?:[^"\\]|\\.)*"|'[^']*')|(?<word>\b(?:if|then|else|elif|fi|for|do|done|while|case|esac|function|export|set|exit|return|local)\b)|(?<number>\b\d+\b)/gm;
const sql =
  /(?<comment>--[^\n]*)|(?<string>'(?:[^']|'')*')|(?<number>\b\d[\d.]*\b)|(?<word>\b(?:select|from|where|and|or|not|in|is|null|join|left|on|group|by|order|limit|insert|into|values|update|set|delete|create|table|index|as|distinct|having|union|with)\b)/gi;

const languages: [RegExp, RegExp][] = [
  [/\.py$/i, python],
  [/\.r$/i, python],
  [/\.(js|ts|tsx|css|cpp|hpp|c|h|rs|go|java)$/i, braces],
  [/(\.ya?ml|(^|\/)MLmodel)$/i, yaml],
  [/\.(toml|ini|cfg|conf|env)$/i, ini],
  [/\.(jsonl?|lock)$/i, json],
  [/(\.sh|(^|\/)(Dockerfile|Makefile))$/i, shell],
  [/\.sql$/i, sql],
];

/** Splits a program's text into what a reader tells apart. */
export function highlight(text: string, name: string): CodePart[] {
  const pattern = languages.find(([path]) => path.test(name))?.[1];
  if (pattern === undefined || text.length > colouredMost) return [{ kind: null, text }];
  const parts: CodePart[] = [];
  let at = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > at) parts.push({ kind: null, text: text.slice(at, match.index) });
    const kind = Object.entries(match.groups ?? {}).find(
      ([, value]) => value as string | undefined,
    )?.[0];
    parts.push({ kind: (kind ?? null) as CodePart['kind'], text: match[0] });
    at = match.index + match[0].length;
  }
  if (at < text.length) parts.push({ kind: null, text: text.slice(at) });
  return parts;
}
