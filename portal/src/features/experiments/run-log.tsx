import { LogViewer } from '../jobs/log-viewer';

/** What the job of a run has written. */
export default function RunLog({ project, job }: { project: string; job: string }) {
  return <LogViewer project={project} job={job} replica={0} />;
}
