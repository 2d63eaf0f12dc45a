// Photographs every page in both languages, themes and two widths, and asks axe about each.
//   MARU_URL=... OUT=/somewhere ONLY=job,home SIZES=1280 LANGUAGES=ko THEMES=dark AXE=0 node visual/shots.mjs
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { openBrowser, openWindow, show } from './browser.mjs';
import { pages } from './pages.mjs';

const list = (name, fallback) => (process.env[name] ?? fallback).split(',');
const out = process.env.OUT ?? '/tmp/portal-shots';
const sizes = list('SIZES', '1280,390').map(Number);
const languages = list('LANGUAGES', 'en,ko');
const themes = list('THEMES', 'light,dark');
const only = process.env.ONLY?.split(',');
const asksAxe = process.env.AXE !== '0';
const axeSource = readFileSync(
  createRequire(import.meta.url).resolve('axe-core/axe.min.js'),
  'utf8',
);

mkdirSync(out, { recursive: true });
const browser = await openBrowser();
let problems = 0;

function complain(place, text) {
  problems += 1;
  console.log(`${place}: ${text}`);
}

for (const width of sizes) {
  for (const language of languages) {
    for (const theme of themes) {
      for (const signedOut of [true, false]) {
        const wantedPages = pages.filter(
          (one) =>
            (one.signedOut === true) === signedOut &&
            (only === undefined || only.includes(one.name)),
        );
        if (wantedPages.length === 0) continue;
        const { context, page, complaints } = await openWindow(browser, {
          width,
          height: width < 760 ? 844 : 800,
          language,
          theme,
          signedOut,
        });
        for (const wanted of wantedPages) {
          const place = `${wanted.name}-${width}-${language}-${theme}`;
          try {
            await show(page, context, wanted);
            await page.screenshot({ path: `${out}/${place}.png` });
            const overflow = await page.evaluate(
              () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
            );
            if (overflow > 0) complain(place, `scrolls sideways by ${overflow} px`);
            const missing = await page.evaluate(
              () => document.body.innerText.match(/\b[a-z]+(?:\.[a-z]+)*\.[a-z]+_[a-z_]+\b/g) ?? [],
            );
            for (const key of missing) {
              if (/^(nav|jobs|runs|home|log|models|endpoints|settings|charts|error)\./.test(key)) {
                complain(place, `untranslated ${key}`);
              }
            }
            if (asksAxe) {
              // Through the debugger, since the page's own policy refuses injected scripts.
              await page.evaluate(axeSource);
              const { violations } = await page.evaluate(() => globalThis.axe.run());
              for (const violation of violations) {
                if (!['serious', 'critical'].includes(violation.impact)) continue;
                complain(
                  place,
                  `axe ${violation.impact} ${violation.id}: ${violation.nodes
                    .slice(0, 3)
                    .map((node) => `${node.target.join(' ')} ${node.any[0]?.message ?? ''}`)
                    .join(' | ')}`,
                );
              }
            }
          } catch (error) {
            complain(place, String(error).split('\n')[0]);
          }
          for (const text of complaints.splice(0)) {
            // The browser itself reports every refused request; those pages refuse on purpose.
            if (!/Failed to load resource/.test(text)) complain(place, text);
          }
        }
        await context.close();
      }
    }
  }
}
await browser.close();
console.log(problems === 0 ? 'no problems' : `${problems} problems`);
process.exitCode = problems === 0 ? 0 : 1;
