// Writes src/api/generated.ts from the repository's openapi.json.
import { existsSync, writeFileSync } from 'node:fs';
import openapiTypescript, { astToString } from 'openapi-typescript';

const source = new URL('../../openapi.json', import.meta.url);
const target = new URL('../src/api/generated.ts', import.meta.url);
if (!existsSync(source)) {
  console.error('openapi.json is missing at the root of the repository: build the server first.');
  process.exit(1);
}
writeFileSync(target, astToString(await openapiTypescript(source)));
