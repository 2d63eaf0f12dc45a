import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { apiPath, createHeaders, request } from '../../api/client';
import { ApiError } from '../../api/errors';
import { membersQuery, projectsQuery, sessionQuery } from '../../api/queries';
import type { Member, Project, Role } from '../../api/types';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { SelectField, TextField } from '../../ui/field';
import { Section } from '../../ui/layout';
import { EmptyState, ErrorState, Skeleton } from '../../ui/states';
import { RelativeTime } from '../../ui/time';
import { showError, showToast } from '../../ui/toast';
import { ProjectRetention } from '../retention/project-retention';

const roles: Role[] = ['owner', 'developer', 'viewer'];

export default function ProjectsSection() {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(projectsQuery);
  const { project: chosen } = useSearch({ from: '/signed-in/settings/$section' });
  const shown = data?.items.find((project) => project.name === chosen);
  return (
    <div className="stack settings-wide">
      <NewProject />
      <Section title={t('settings.projects.list')}>
        {data === undefined ? (
          error === null ? (
            <Skeleton lines={4} />
          ) : (
            <ErrorState error={error} retry={() => void refetch()} />
          )
        ) : data.items.length === 0 ? (
          <EmptyState title={t('settings.projects.empty')}>
            {t('settings.projects.empty_text')}
          </EmptyState>
        ) : (
          <div className="table-scroll">
            <table className="plain-table" aria-label={t('settings.projects.list')}>
              <thead>
                <tr>
                  <th scope="col">{t('settings.projects.name')}</th>
                  <th scope="col">{t('settings.projects.description')}</th>
                  <th scope="col">{t('settings.projects.role')}</th>
                  <th scope="col">{t('common.created')}</th>
                  <th scope="col">
                    <span className="visually-hidden">{t('common.actions')}</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {data.items.map((project) => (
                  <tr key={project.name}>
                    <th scope="row">
                      <Link to="/$project" params={{ project: project.name }} className="link">
                        {project.name}
                      </Link>
                    </th>
                    <td>{project.description}</td>
                    <td>{t(`role.${project.role}`)}</td>
                    <td>
                      <RelativeTime at={project.created_at} />
                    </td>
                    <td className="right">
                      <Link
                        to="/settings/$section"
                        params={{ section: 'projects' }}
                        search={{ project: project.name }}
                        className="button quiet"
                        aria-current={project.name === chosen ? 'true' : undefined}
                      >
                        {t('settings.projects.members')}
                      </Link>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Section>
      {shown !== undefined && (
        <>
          <Members key={shown.name} project={shown} />
          <ProjectRetention key={`${shown.name} retention`} project={shown.name} />
        </>
      )}
    </div>
  );
}

function NewProject() {
  const { t } = useTranslation();
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  const create = useMutation({
    mutationFn: () =>
      request<Project>('POST', apiPath('projects'), {
        body: { name: name.trim(), description: description.trim() },
        headers: createHeaders(),
      }),
    onSuccess: async (project) => {
      await queryClient.invalidateQueries({ queryKey: sessionQuery.queryKey });
      await queryClient.invalidateQueries({ queryKey: projectsQuery.queryKey });
      await navigate({ to: '/$project', params: { project: project.name } });
    },
  });
  const problem = (field: string) =>
    create.error instanceof ApiError ? create.error.detailFor(field) : undefined;
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        create.mutate();
      }}
    >
      <div className="inline-form">
        <TextField
          label={t('settings.projects.name')}
          required
          spellCheck={false}
          value={name}
          onChange={(event) => setName(event.target.value)}
          problem={problem('name')}
        />
        <TextField
          label={t('settings.projects.description')}
          value={description}
          onChange={(event) => setDescription(event.target.value)}
          problem={problem('description')}
        />
        <Button type="submit" look="primary" busy={create.isPending}>
          {t('settings.projects.create')}
        </Button>
      </div>
      {create.error !== null && <ErrorState error={create.error} />}
    </form>
  );
}

function Members({ project }: { project: Project }) {
  const { t } = useTranslation();
  const queryClient = useQueryClient();
  const query = membersQuery(project.name);
  const { data, error, refetch } = useQuery(query);
  const [user, setUser] = useState('');
  const [role, setRole] = useState<Role>('developer');
  const path = (name: string) => apiPath('projects', project.name, 'members', name);
  const refresh = () => queryClient.invalidateQueries({ queryKey: query.queryKey });
  const set = useMutation({
    mutationFn: (member: Member) =>
      request('PUT', path(member.user), { body: { role: member.role } }),
    onSuccess: async () => {
      setUser('');
      await refresh();
    },
    onError: showError,
  });
  const remove = useMutation({
    mutationFn: (member: Member) => request('DELETE', path(member.user)),
    onSuccess: async (_, member) => {
      await refresh();
      showToast(t('settings.projects.member_removed', { user: member.user }), {
        label: t('action.undo'),
        run: () => set.mutate(member),
      });
    },
    onError: showError,
  });
  return (
    <Section
      title={t('settings.projects.members_of', { project: project.name })}
      actions={<DeleteProject project={project} />}
    >
      {data === undefined ? (
        error === null ? (
          <Skeleton lines={3} />
        ) : (
          <ErrorState error={error} retry={() => void refetch()} />
        )
      ) : (
        <table className="plain-table" aria-label={t('settings.projects.members')}>
          <tbody>
            {data.items.map((member) => (
              <tr key={member.user}>
                <th scope="row">{member.user}</th>
                <td>
                  <select
                    className="input small log-replica"
                    aria-label={t('settings.projects.role_of', { user: member.user })}
                    value={member.role}
                    onChange={(event) =>
                      set.mutate({ user: member.user, role: event.target.value as Role })
                    }
                  >
                    {roles.map((one) => (
                      <option key={one} value={one}>
                        {t(`role.${one}`)}
                      </option>
                    ))}
                  </select>
                </td>
                <td className="right">
                  <Button
                    look="quiet"
                    onClick={() => remove.mutate(member)}
                    aria-label={t('settings.projects.remove_named', { user: member.user })}
                  >
                    {t('action.remove')}
                  </Button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <form
        className="inline-form"
        onSubmit={(event) => {
          event.preventDefault();
          set.mutate({ user: user.trim(), role });
        }}
      >
        <TextField
          label={t('settings.projects.user')}
          required
          spellCheck={false}
          value={user}
          onChange={(event) => setUser(event.target.value)}
        />
        <SelectField
          label={t('settings.projects.role')}
          value={role}
          onChange={(event) => setRole(event.target.value as Role)}
        >
          {roles.map((one) => (
            <option key={one} value={one}>
              {t(`role.${one}`)}
            </option>
          ))}
        </SelectField>
        <Button type="submit" busy={set.isPending}>
          {t('settings.projects.add_member')}
        </Button>
      </form>
      <p className="field-hint">{t('settings.projects.role_text')}</p>
    </Section>
  );
}

function DeleteProject({ project }: { project: Project }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const [isOpen, setOpen] = useState(false);
  const [purge, setPurge] = useState(false);
  const [typed, setTyped] = useState('');
  const open = (next: boolean) => {
    setOpen(next);
    setPurge(false);
    setTyped('');
    remove.reset();
  };
  const remove = useMutation({
    mutationFn: () =>
      request('DELETE', apiPath('projects', project.name) + (purge ? '?purge=true' : '')),
    onSuccess: async () => {
      setOpen(false);
      await navigate({ to: '/settings/$section', params: { section: 'projects' } });
      await queryClient.invalidateQueries({ queryKey: sessionQuery.queryKey });
      await queryClient.invalidateQueries({ queryKey: projectsQuery.queryKey });
      showToast(t('settings.projects.deleted', { name: project.name }));
    },
  });
  return (
    <>
      <Button look="quiet" icon="trash" onClick={() => open(true)}>
        {t('settings.projects.delete')}
      </Button>
      <Dialog
        open={isOpen}
        onOpenChange={open}
        title={t('settings.projects.delete_title', { name: project.name })}
        description={t('settings.projects.delete_text')}
      >
        {remove.error !== null && <ErrorState error={remove.error} />}
        <label className="check">
          <input
            type="checkbox"
            checked={purge}
            onChange={(event) => setPurge(event.target.checked)}
          />
          {t('settings.projects.purge')}
        </label>
        {purge && (
          <TextField
            label={t('settings.projects.purge_name', { name: project.name })}
            hint={t('settings.projects.purge_text')}
            autoComplete="off"
            spellCheck={false}
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
        )}
        <div className="form-actions">
          <Button onClick={() => open(false)}>{t('action.cancel')}</Button>
          <Button
            look="danger"
            busy={remove.isPending}
            disabled={purge && typed !== project.name}
            onClick={() => remove.mutate()}
          >
            {t('action.delete')}
          </Button>
        </div>
      </Dialog>
    </>
  );
}
