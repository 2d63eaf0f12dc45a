// Prints what the first route costs: the entry, everything it imports statically, and the route's own chunk.
// Fails when the gzipped JavaScript passes the budget.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const budgetBytes = 250_000;
const dist = new URL('../dist/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'));
const gzipped = (file) => gzipSync(readFileSync(new URL(file, dist))).length;

function closure(key, seen = new Set()) {
  if (seen.has(key)) return seen;
  seen.add(key);
  for (const next of manifest[key].imports ?? []) closure(next, seen);
  return seen;
}

const firstRoute = new Set([
  ...closure('index.html'),
  ...closure('src/features/home/home-page.tsx'),
  ...closure('src/i18n/ko.json'),
]);
let total = 0;
for (const key of firstRoute) {
  const size = gzipped(manifest[key].file);
  total += size;
  console.log(String(size).padStart(8), manifest[key].file);
}
console.log(String(total).padStart(8), `first route, gzipped JavaScript (budget ${budgetBytes})`);
for (const [key, chunk] of Object.entries(manifest)) {
  if (!firstRoute.has(key) && chunk.file.endsWith('.js'))
    console.log(String(gzipped(chunk.file)).padStart(8), `on demand: ${chunk.file}`);
}
if (total > budgetBytes) process.exit(1);
