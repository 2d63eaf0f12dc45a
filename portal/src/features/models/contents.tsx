import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { contentsQuery } from '../../api/queries';
import type { Json, ModelVersion } from '../../api/types';
import { formatBytes } from '../../i18n/format';
import { CodeBlock } from '../../ui/copy';
import { Section } from '../../ui/layout';
import { EmptyState, ErrorState, Skeleton } from '../../ui/states';

/** What a version's files say: what it takes and gives, an example, its flavors, packages and files. */
export function Contents({ project, version }: { project: string; version: ModelVersion }) {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(contentsQuery(project, version.model, version.version));
  if (error !== null) return <ErrorState error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Skeleton lines={6} />;
  const parts = (['inputs', 'outputs', 'params'] as const).filter(
    (part) => data.signature?.[part] !== undefined && data.signature[part] !== null,
  );
  return (
    <div className="stack">
      {data.problem !== '' && (
        <EmptyState title={t('models.not_readable')}>{data.problem}</EmptyState>
      )}
      {parts.length === 0 && data.problem === '' && (
        <EmptyState
          title={t('models.no_signature')}
          command='mlflow.sklearn.log_model(model, name="model", input_example=X[:2])'
        >
          {t('models.no_signature_text')}
        </EmptyState>
      )}
      {parts.map((part) => (
        <Section key={part} title={t(`models.${part}`)}>
          <SignatureTable columns={data.signature?.[part] ?? null} />
        </Section>
      ))}
      {data.input_example !== null && (
        <CodeBlock
          label={t('models.input_example')}
          code={JSON.stringify(data.input_example, null, 2)}
        />
      )}
      {data.requirements !== null && (
        <CodeBlock label={t('models.requirements')} code={data.requirements.trimEnd()} />
      )}
      {Object.entries(data.flavors).map(([flavor, attributes]) => (
        <details key={flavor}>
          <summary>{t('models.attributes', { flavor })}</summary>
          <CodeBlock label={flavor} code={JSON.stringify(attributes, null, 2)} />
        </details>
      ))}
      {data.files.length > 0 && (
        <Section title={t('models.files')}>
          <table className="signature-table">
            <tbody>
              {data.files.map((file) => (
                <tr key={file.path}>
                  <th scope="row">{file.path}</th>
                  <td className="numeric">{formatBytes(file.size_bytes)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {data.files_shortened && <p className="muted">{t('models.files_shortened')}</p>}
        </Section>
      )}
    </div>
  );
}

interface Column {
  name: string;
  type: string;
}

/** A column as MLflow's signatures have it: named or not, a scalar or a tensor. */
function columnOf(entry: Json, index: number): Column {
  if (entry === null || typeof entry !== 'object' || Array.isArray(entry))
    return { name: String(index), type: JSON.stringify(entry) };
  const name = typeof entry['name'] === 'string' ? entry['name'] : '–';
  const tensor = entry['tensor-spec'];
  if (tensor !== null && typeof tensor === 'object' && !Array.isArray(tensor)) {
    const sizes = tensor['shape'];
    const shape = Array.isArray(sizes) ? sizes.map((size) => JSON.stringify(size)).join(' × ') : '';
    return {
      name,
      type: `${typeof tensor['dtype'] === 'string' ? tensor['dtype'] : ''} (${shape})`,
    };
  }
  const type = typeof entry['type'] === 'string' ? entry['type'] : JSON.stringify(entry['type']);
  return { name, type: entry['required'] === false ? `${type}?` : type };
}

function SignatureTable({ columns }: { columns: Json }) {
  const { t } = useTranslation();
  if (!Array.isArray(columns)) return <pre>{JSON.stringify(columns, null, 2)}</pre>;
  return (
    <table className="signature-table">
      <thead>
        <tr>
          <th scope="col">{t('models.column')}</th>
          <th scope="col">{t('models.type')}</th>
        </tr>
      </thead>
      <tbody>
        {columns.map(columnOf).map((column, index) => (
          <tr key={index}>
            <td>{column.name}</td>
            <td>
              <code>{column.type}</code>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
