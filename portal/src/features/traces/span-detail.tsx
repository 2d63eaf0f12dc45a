import { useTranslation } from 'react-i18next';
import { CodeBlock } from '../../ui/copy';
import { Definitions } from '../../ui/layout';
import { StateBadge } from '../../ui/state-badge';
import { formatMicroseconds, isException, showValue, textOfAttribute } from './span-tree';
import type { Span, SpanEvent } from './types';

/** What a span was given, what it gave, and what happened meanwhile. */
export function SpanDetail({ span }: { span: Span }) {
  const { t } = useTranslation();
  const exceptions = span.events.filter(isException);
  const others = span.events.filter((event) => !isException(event));
  const attributes = Object.entries(span.attributes).sort(([left], [right]) =>
    left.localeCompare(right),
  );
  return (
    <section className="span-detail" aria-label={t('traces.span')}>
      <div className="span-detail-head">
        <h2>{span.name}</h2>
        <StateBadge state={span.status} />
        {span.type !== 'UNKNOWN' && <span className="chip">{span.type}</span>}
        <span className="muted numeric">
          {span.duration_us === null
            ? t('state.IN_PROGRESS')
            : formatMicroseconds(span.duration_us)}
        </span>
      </div>
      {span.status_message !== '' && exceptions.length === 0 && (
        <p className="span-message">{span.status_message}</p>
      )}
      {exceptions.map((event, index) => (
        <Exception key={index} event={event} />
      ))}
      {span.inputs !== null && (
        <CodeBlock label={t('traces.inputs')} code={showValue(span.inputs)} />
      )}
      {span.outputs !== null && (
        <CodeBlock label={t('traces.outputs')} code={showValue(span.outputs)} />
      )}
      {others.length > 0 && (
        <>
          <h3>{t('traces.events')}</h3>
          <Definitions
            rows={others.map((event, index) => [
              `${index + 1}. ${event.name} +${formatMicroseconds(event.offset_us)}`,
              showValue(event.attributes),
            ])}
          />
        </>
      )}
      {attributes.length > 0 && (
        <>
          <h3>{t('traces.attributes')}</h3>
          <Definitions rows={attributes.map(([name, value]) => [name, showValue(value)])} />
        </>
      )}
    </section>
  );
}

function Exception({ event }: { event: SpanEvent }) {
  const { t } = useTranslation();
  const type = textOfAttribute(event, 'exception.type') ?? t('traces.exception');
  const message = textOfAttribute(event, 'exception.message');
  const stack = textOfAttribute(event, 'exception.stacktrace');
  return (
    <div className="span-exception">
      <p>
        <strong>{type}</strong>
        {message !== null && `: ${message}`}
      </p>
      {stack !== null && <CodeBlock label={t('traces.stack')} code={stack} />}
    </div>
  );
}
