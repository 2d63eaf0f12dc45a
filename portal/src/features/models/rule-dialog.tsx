import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../../api/errors';
import { modelsQuery } from '../../api/queries';
import type { ApprovalRule, Role } from '../../api/types';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { SelectField, TextField } from '../../ui/field';
import { ErrorState } from '../../ui/states';

type RuleSetting = Omit<ApprovalRule, 'user' | 'updated_at'>;

interface RuleDialogProps {
  project: string;
  /** null: a new one. */
  rule: ApprovalRule | null;
  /** The models that have a rule; null is all others. */
  taken: (string | null)[];
  save: (rule: RuleSetting) => Promise<unknown>;
  onSaved: () => void;
  onClose: () => void;
}

const stages = ['Staging', 'Production', 'Archived'];
/** Who may not change models may not let others do it. */
const roles: Role[] = ['owner', 'developer'];
const daySeconds = 24 * 3600;

export function RuleDialog({ project, rule, taken, save, onSaved, onClose }: RuleDialogProps) {
  const { t } = useTranslation();
  const { data: models } = useQuery(modelsQuery(project));
  const free = models?.items.map((one) => one.name).filter((name) => !taken.includes(name)) ?? [];
  const [model, setModel] = useState(rule?.model ?? '');
  const [aliases, setAliases] = useState(rule?.aliases.join(', ') ?? '');
  const [chosen, setChosen] = useState(rule?.stages ?? []);
  const [approvals, setApprovals] = useState(String(rule?.approvals ?? 1));
  const [role, setRole] = useState<Role>(rule?.role ?? 'owner');
  const [days, setDays] = useState(String((rule?.expires_after_s ?? 7 * daySeconds) / daySeconds));
  const send = useMutation({
    mutationFn: () =>
      save({
        model: model === '' ? null : model,
        aliases: aliases
          .split(',')
          .map((one) => one.trim().replace(/^@/, ''))
          .filter((one) => one !== ''),
        stages: chosen,
        approvals: Number(approvals),
        role,
        expires_after_s: Math.round(Number(days) * daySeconds),
      }),
    onSuccess: onSaved,
  });
  const problem = (field: string) =>
    send.error instanceof ApiError ? send.error.detailFor(field) : undefined;
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={t(rule === null ? 'rules.add' : 'rules.change')}
      description={t('rules.dialog_text')}
    >
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          send.mutate();
        }}
      >
        <SelectField
          label={t('rules.model')}
          value={model}
          disabled={rule !== null}
          onChange={(event) => setModel(event.target.value)}
          problem={problem('model')}
          hint={
            rule === null && taken.includes(null) && model === '' ? t('rules.replaces') : undefined
          }
        >
          <option value="">{t('rules.all')}</option>
          {[...free, ...(rule?.model == null ? [] : [rule.model])].map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </SelectField>
        <TextField
          label={t('rules.aliases')}
          hint={t('rules.aliases_hint')}
          placeholder="champion, prod*"
          spellCheck={false}
          value={aliases}
          onChange={(event) => setAliases(event.target.value)}
          problem={problem('aliases')}
        />
        <fieldset className="rule-stages">
          <legend>{t('rules.stages')}</legend>
          {stages.map((stage) => (
            <label key={stage} className="row tight">
              <input
                type="checkbox"
                checked={chosen.includes(stage)}
                onChange={(event) =>
                  setChosen(
                    event.target.checked
                      ? [...chosen, stage]
                      : chosen.filter((one) => one !== stage),
                  )
                }
              />
              {stage}
            </label>
          ))}
        </fieldset>
        <div className="form-row">
          <TextField
            label={t('rules.approvals_needed')}
            type="number"
            min="1"
            required
            value={approvals}
            onChange={(event) => setApprovals(event.target.value)}
            problem={problem('approvals')}
          />
          <SelectField
            label={t('rules.role')}
            value={role}
            onChange={(event) => setRole(event.target.value as Role)}
            problem={problem('role')}
          >
            {roles.map((one) => (
              <option key={one} value={one}>
                {t(`role.${one}`)}
              </option>
            ))}
          </SelectField>
          <TextField
            label={t('rules.expires_days')}
            type="number"
            min="0.01"
            step="any"
            required
            value={days}
            onChange={(event) => setDays(event.target.value)}
            problem={problem('expires_after_s')}
          />
        </div>
        {send.error !== null && <ErrorState error={send.error} />}
        <div className="form-actions">
          <Button onClick={onClose}>{t('action.cancel')}</Button>
          <Button type="submit" look="primary" busy={send.isPending}>
            {t('rules.save')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
