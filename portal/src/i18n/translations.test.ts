import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import english from './en.json';
import korean from './ko.json';

type Tree = { [key: string]: string | Tree };

function flatten(tree: Tree, prefix = ''): Map<string, string> {
  const flat = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === 'string') flat.set(prefix + key, value);
    else for (const [path, text] of flatten(value, `${prefix}${key}.`)) flat.set(path, text);
  }
  return flat;
}

const plural = /_(zero|one|two|few|many|other)$/;
const texts = { en: flatten(english), ko: flatten(korean) };

function keys(flat: Map<string, string>): string[] {
  return [...new Set([...flat.keys()].map((key) => key.replace(plural, '')))].sort();
}

function placeholders(text: string): string[] {
  return [...new Set([...text.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1] ?? ''))].sort();
}

/** Every plural form that the language's own rules can ask for. */
function formsOf(language: string): string[] {
  return new Intl.PluralRules(language).resolvedOptions().pluralCategories;
}

describe('translations', () => {
  it('have the same keys in both languages', () => {
    expect(keys(texts.ko)).toEqual(keys(texts.en));
  });

  it('have every plural form of their language', () => {
    for (const [language, flat] of Object.entries(texts)) {
      const counted = [...flat.keys()].filter((key) => plural.test(key));
      for (const key of new Set(counted.map((one) => one.replace(plural, '')))) {
        for (const form of formsOf(language)) expect([...flat.keys()]).toContain(`${key}_${form}`);
      }
    }
  });

  it('fill in the same values', () => {
    for (const [key, text] of texts.ko) {
      const original = texts.en.get(key);
      expect(original, key).toBeDefined();
      expect(placeholders(text), key).toEqual(placeholders(original ?? ''));
    }
  });

  it('leave nothing empty and nothing untranslated', () => {
    const sameOnPurpose = /^(resources\.|runs\.filter_example|traces\.filter_example)/;
    for (const [key, text] of texts.ko) {
      expect(text.trim(), key).not.toBe('');
      if (sameOnPurpose.test(key)) continue;
      expect(/[가-힣]/.test(text), `${key}: ${text}`).toBe(true);
    }
  });

  it('are all used', () => {
    const source = readdirSync(join(import.meta.dirname, '..'), {
      recursive: true,
      encoding: 'utf8',
    })
      .filter((path) => /\.tsx?$/.test(path) && !path.includes('.test.'))
      .map((path) => readFileSync(join(import.meta.dirname, '..', path), 'utf8'))
      .join('\n');
    const patterns = [...source.matchAll(/`([a-z_.]+)\$\{[^}]+\}([a-z_.]*)`/g)].map(
      ([, start = '', end = '']) => ({ start, end }),
    );
    for (const key of keys(texts.en)) {
      const isUsed =
        source.includes(`'${key}'`) ||
        patterns.some(({ start, end }) =>
          start.includes('.') || start !== '' ? key.startsWith(start) && key.endsWith(end) : false,
        );
      expect(isUsed, `${key} is not used`).toBe(true);
    }
  });
});
