import type { Endpoint, Json } from '../../api/types';

function isRecord(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const scoringKeys = ['inputs', 'instances', 'dataframe_split', 'dataframe_records'];

function exampleOf(type: string): Json {
  if (/bool/.test(type)) return false;
  if (/string|str|object/.test(type)) return '';
  if (/int|long/.test(type)) return 0;
  return 0.0;
}

function fromSignature(inputs: Json | undefined): Json | null {
  if (!Array.isArray(inputs) || inputs.length === 0) return null;
  const columns = inputs.filter(isRecord);
  if (columns.some((column) => column['type'] === 'tensor' || 'tensor-spec' in column)) {
    const shape = isRecord(columns[0]?.['tensor-spec']) ? columns[0]['tensor-spec']['shape'] : null;
    const sizes = Array.isArray(shape) ? shape.map((size) => Math.max(1, Number(size))) : [1, 1];
    return { inputs: zeros(sizes) };
  }
  const names = columns.map((column, index) =>
    typeof column['name'] === 'string' ? column['name'] : String(index),
  );
  const values = columns.map((column) =>
    exampleOf(typeof column['type'] === 'string' ? column['type'] : 'double'),
  );
  return { dataframe_split: { columns: names, data: [values] } };
}

const zerosMax = 4096;

function zeros(sizes: number[]): Json {
  const [size, ...rest] = sizes;
  if (size === undefined) return 0;
  if (sizes.reduce((product, one) => product * one, 1) > zerosMax) return [];
  return Array.from({ length: size }, () => zeros(rest));
}

/** What the form starts with: the model's own example, else one made up from its signature. */
export function exampleInput(endpoint: Endpoint): string {
  const example = endpoint.input_example;
  if (isRecord(example) && scoringKeys.some((key) => key in example)) {
    return formatRequest(example);
  }
  if (example !== null) return formatRequest({ inputs: example });
  const made = fromSignature(endpoint.signature?.inputs);
  return formatRequest(made ?? { inputs: [[0, 0, 0, 0]] });
}

/** Indented, with arrays of plain values kept on one line: matrices stay readable. */
export function formatRequest(value: Json, indent = ''): string {
  const deeper = `${indent}  `;
  if (Array.isArray(value)) {
    if (value.every((item) => typeof item !== 'object' || item === null)) {
      return `[${value.map((item) => JSON.stringify(item)).join(', ')}]`;
    }
    return `[\n${value.map((item) => deeper + formatRequest(item, deeper)).join(',\n')}\n${indent}]`;
  }
  if (isRecord(value)) {
    const entries = Object.entries(value);
    if (entries.length === 0) return '{}';
    return `{\n${entries
      .map(([key, item]) => `${deeper}${JSON.stringify(key)}: ${formatRequest(item, deeper)}`)
      .join(',\n')}\n${indent}}`;
  }
  return JSON.stringify(value);
}
