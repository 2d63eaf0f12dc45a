import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useId, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { columnsQuery, valuesQuery } from '../../api/tracking';
import { Button } from '../../ui/button';
import {
  applySuggestion,
  completionAt,
  isNumeric,
  suggestKeys,
  suggestOperators,
  suggestValues,
  type Suggestion,
} from './filter-language';

interface FilterBoxProps {
  project: string;
  experiment: string;
  filter: string | undefined;
  problem: string | undefined;
  onFilter: (filter: string | undefined) => void;
}

/** A filter in MLflow's language, with what can be written next below it. */
export function FilterBox({ project, experiment, filter, problem, onFilter }: FilterBoxProps) {
  const { t } = useTranslation();
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [draft, setDraft] = useState(filter ?? '');
  const [last, setLast] = useState(filter);
  const [caret, setCaret] = useState(0);
  const [isOpen, setOpen] = useState(false);
  const [chosen, setChosen] = useState(-1);
  if (last !== filter) {
    setLast(filter);
    setDraft(filter ?? '');
  }
  const columns = useQuery(columnsQuery(project, experiment));
  const completion = completionAt(draft.slice(0, caret));
  const column = completion.column;
  const asksValues =
    isOpen && completion.wants === 'value' && column !== null && !isNumeric(column);
  const values = useQuery({
    ...valuesQuery(
      project,
      experiment,
      column === null ? '' : `${column.kind}.${column.key}`,
      completion.part,
    ),
    enabled: asksValues,
    placeholderData: keepPreviousData,
    retry: false,
  });
  const suggestions: Suggestion[] = !isOpen
    ? []
    : completion.wants === 'key'
      ? suggestKeys(completion.part, columns.data)
      : completion.wants === 'operator' && column !== null
        ? suggestOperators(completion.part, column)
        : completion.wants === 'and'
          ? 'and'.startsWith(completion.part)
            ? [{ text: 'AND', label: 'AND' }]
            : []
          : asksValues
            ? suggestValues(values.data?.items ?? [])
            : [];

  const take = (suggestion: Suggestion) => {
    const next = applySuggestion(draft, caret, completion, suggestion);
    setDraft(next.text);
    setCaret(next.caret);
    setChosen(-1);
    requestAnimationFrame(() => {
      input.current?.focus();
      input.current?.setSelectionRange(next.caret, next.caret);
    });
  };
  const apply = () => {
    setOpen(false);
    setChosen(-1);
    const text = draft.trim();
    onFilter(text === '' ? undefined : text);
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      if (!isOpen) setOpen(true);
      else if (suggestions.length > 0) {
        const count = suggestions.length + 1;
        setChosen(((chosen + 1 + step + count) % count) - 1);
      }
    } else if (event.key === 'Escape' && isOpen) {
      event.preventDefault();
      event.stopPropagation();
      setOpen(false);
    } else if (event.key === 'Enter' || (event.key === 'Tab' && isOpen && chosen >= 0)) {
      event.preventDefault();
      const suggestion = suggestions[chosen];
      if (isOpen && suggestion !== undefined) take(suggestion);
      else apply();
    }
  };

  return (
    <form
      className="filter-box grow"
      onSubmit={(event) => {
        event.preventDefault();
        apply();
      }}
    >
      <div className="row one-line tight">
        <input
          ref={input}
          type="search"
          data-page-search
          className="input small mono grow"
          spellCheck={false}
          autoComplete="off"
          role="combobox"
          aria-expanded={suggestions.length > 0}
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={chosen >= 0 ? `${id}-${chosen}` : undefined}
          placeholder={t('runs.filter_example')}
          aria-label={t('runs.filter')}
          aria-invalid={problem !== undefined || undefined}
          aria-describedby={problem === undefined ? undefined : `${id}-problem`}
          value={draft}
          onChange={(event) => {
            setDraft(event.target.value);
            setCaret(event.target.selectionStart ?? event.target.value.length);
            setOpen(true);
            setChosen(-1);
          }}
          onSelect={(event) => setCaret(event.currentTarget.selectionStart ?? 0)}
          onFocus={() => setOpen(true)}
          onBlur={() => setOpen(false)}
          onKeyDown={onKeyDown}
        />
        <Button type="submit">{t('runs.apply')}</Button>
      </div>
      <ul
        id={`${id}-list`}
        role="listbox"
        aria-label={t('runs.suggestions')}
        className="suggestions"
        hidden={suggestions.length === 0}
      >
        {suggestions.map((suggestion, index) => (
          // Keys are handled by the input, which keeps the focus.
          // eslint-disable-next-line jsx-a11y/click-events-have-key-events
          <li
            key={suggestion.text}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === chosen}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => take(suggestion)}
          >
            <span className="cut grow">{suggestion.label}</span>
            {suggestion.hint !== undefined && <span className="muted">{suggestion.hint}</span>}
          </li>
        ))}
      </ul>
      {problem !== undefined && (
        <p id={`${id}-problem`} className="field-problem" role="alert">
          {problem}
        </p>
      )}
    </form>
  );
}
