/** One worker deployment: its versions, where new workflows go, and what still runs on former versions. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { deploymentRoute } from "../addresses.ts";
import {
  type DeploymentDescription,
  describeDeployment,
  describeVersion,
  type RoutingConfig,
  type VersionSummary,
} from "../api/deployments.ts";
import { enumWord } from "../parts/enum-word.ts";
import { Fact } from "../parts/fact.tsx";
import { MessageView } from "../parts/json/payload-view.tsx";
import { useTitle } from "../parts/list-page.tsx";
import { MissingDeployment } from "../parts/missing.tsx";
import { Moment } from "../parts/moment.tsx";
import { Empty, Loading, Problem, Stale } from "../parts/notice.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { Title } from "../parts/title.tsx";
import { useDialog } from "../parts/use-dialog.ts";
import { DeploymentDialog, type DeploymentDialogName } from "./dialogs.tsx";
import { currentText, rampText } from "./list-page.tsx";

const refreshMs = 2_000;

export function DeploymentPage() {
  const address = deploymentRoute.useParams();
  const { namespace, deployment: name } = address;
  useTitle(name);
  const deployment = useQuery({
    queryKey: ["deployment", namespace, name],
    queryFn: ({ signal }) => describeDeployment(address, signal),
    refetchInterval: refreshMs,
  });
  const dialog = useDialog<DeploymentDialogName>(["deployment", namespace, name]);
  const routing = deployment.data?.workerDeploymentInfo.routingConfig;
  const columns = useMemo(() => versionColumns(routing ?? {}, dialog.show), [routing, dialog.show]);
  if (!deployment.data)
    return (
      <div className="page">
        {deployment.error ? (
          <Problem error={deployment.error} onRetry={deployment.refetch} missing={<MissingDeployment name={name} />} />
        ) : (
          <Loading what={name} />
        )}
      </div>
    );
  const { workerDeploymentInfo: info, conflictToken } = deployment.data;
  const versions = info.versionSummaries ?? [];
  return (
    <div className="page">
      {deployment.error && <Stale />}
      <Summary info={info} namespace={namespace} onDialog={dialog.show} />
      <section aria-labelledby="versions-title">
        <h2 id="versions-title">Versions</h2>
        {versions.length === 0 ? (
          <Empty title="No versions" />
        ) : (
          <Table
            columns={columns}
            rows={versions}
            keyOf={buildIdOf}
            details={(version) => <VersionDetails buildId={buildIdOf(version)} />}
          />
        )}
      </section>
      {dialog.open && (
        <DeploymentDialog
          name={dialog.open}
          address={address}
          conflictToken={conflictToken}
          versions={versions.map(buildIdOf)}
          onClose={dialog.close}
        />
      )}
    </div>
  );
}

function buildIdOf({ deploymentVersion }: VersionSummary): string {
  return deploymentVersion?.buildId ?? "";
}

interface SummaryProps {
  readonly info: DeploymentDescription["workerDeploymentInfo"];
  readonly namespace: string;
  readonly onDialog: (name: DeploymentDialogName) => void;
}

function Summary({ info, namespace, onDialog }: SummaryProps) {
  const routing = info.routingConfig ?? {};
  return (
    <section aria-label="Summary">
      <Title
        list={
          <Link to="/namespaces/$namespace/deployments" params={{ namespace }}>
            Worker deployments
          </Link>
        }
        name={info.name}
      >
        <div className="actions">
          <button type="button" onClick={() => onDialog({ type: "current", buildId: undefined })}>
            Set current version
          </button>
          <button type="button" onClick={() => onDialog({ type: "ramping", buildId: undefined })}>
            Set ramping version
          </button>
          <button type="button" className="danger" onClick={() => onDialog({ type: "deleteDeployment" })}>
            Delete
          </button>
        </div>
      </Title>
      <dl className="facts">
        <Fact name="New workflows go to">{currentText(routing)}</Fact>
        <Fact name="Ramping">{rampText(routing)}</Fact>
        <Fact name="Made">
          <Moment at={info.createTime} />
        </Fact>
        <Fact name="Last changed by">{info.lastModifierIdentity || "–"}</Fact>
      </dl>
    </section>
  );
}

const looks: Readonly<Record<string, string>> = {
  ...{ Current: "Completed", Ramping: "Running", Draining: "TimedOut", Drained: "Canceled", Inactive: "Canceled" },
};

function versionColumns(
  routing: RoutingConfig,
  onDialog: (name: DeploymentDialogName) => void,
): readonly Column<VersionSummary>[] {
  return [
    { title: "Version", cell: buildIdOf, look: "breakable", opens: true },
    {
      title: "State",
      cell: ({ status }) => {
        const state = enumWord(status, "WORKER_DEPLOYMENT_VERSION_STATUS_");
        return <span className={`badge status-${looks[state] ?? "Canceled"}`}>{state}</span>;
      },
    },
    { title: "Drainage", cell: (version) => <Drainage version={version} /> },
    { title: "Made", cell: ({ createTime }) => <Moment at={createTime} /> },
    { title: "Routing", cell: (version) => <Since version={version} routing={routing} /> },
    {
      id: "actions",
      title: "",
      cell: (version) => {
        const buildId = buildIdOf(version);
        const isCurrent = routing.currentDeploymentVersion?.buildId === buildId;
        return <VersionActions {...{ buildId, isCurrent, onDialog }} />;
      },
      look: "row-actions",
    },
  ];
}

interface VersionActionsProps {
  readonly buildId: string;
  readonly isCurrent: boolean;
  readonly onDialog: (name: DeploymentDialogName) => void;
}

function VersionActions({ buildId, isCurrent, onDialog }: VersionActionsProps) {
  return (
    <>
      {!isCurrent && (
        <button type="button" className="quiet" onClick={() => onDialog({ type: "current", buildId })}>
          Make current<span className="hidden"> {buildId}</span>
        </button>
      )}
      {!isCurrent && (
        <button type="button" className="quiet" onClick={() => onDialog({ type: "ramping", buildId })}>
          Ramp<span className="hidden"> {buildId}</span>
        </button>
      )}
      <button type="button" className="quiet" onClick={() => onDialog({ type: "deleteVersion", buildId })}>
        Delete<span className="hidden"> {buildId}</span>
      </button>
    </>
  );
}

function Drainage({ version: { drainageInfo } }: { readonly version: VersionSummary }) {
  if (!drainageInfo?.status) return <span className="faint">–</span>;
  const isDrained = drainageInfo.status.endsWith("_DRAINED");
  return (
    <>
      {isDrained ? "nothing runs on it since" : "workflows still run on it; seen"}{" "}
      <Moment at={isDrained ? drainageInfo.lastChangedTime : drainageInfo.lastCheckedTime} />
    </>
  );
}

function Since({ version, routing }: { readonly version: VersionSummary; readonly routing: RoutingConfig }) {
  if (version.currentSinceTime)
    return (
      <>
        current, since <Moment at={version.currentSinceTime} />
      </>
    );
  if (version.rampingSinceTime)
    return (
      <>
        {routing.rampingVersionPercentage ?? 0} %, since <Moment at={version.rampingSinceTime} />
      </>
    );
  return <span className="faint">–</span>;
}

function VersionDetails({ buildId }: { readonly buildId: string }) {
  const address = deploymentRoute.useParams();
  const { namespace, deployment } = address;
  const version = useQuery({
    queryKey: ["deployment", namespace, deployment, buildId],
    queryFn: ({ signal }) => describeVersion(address, buildId, signal),
    refetchInterval: refreshMs,
  });
  if (version.error) return <Problem error={version.error} onRetry={version.refetch} />;
  if (!version.data) return <Loading what={buildId} />;
  const { taskQueueInfos = [], metadata } = version.data.workerDeploymentVersionInfo;
  const entries = metadata?.entries ?? {};
  return (
    <div className="pair">
      <div>
        <h3>Its task queues</h3>
        {taskQueueInfos.length === 0 && <p className="faint">none</p>}
        <ul className="relatives">
          {taskQueueInfos.map(({ name, type }) => (
            <li key={`${name} ${type}`}>
              <Link to="/namespaces/$namespace/task-queues/$taskQueue" params={{ namespace, taskQueue: name }}>
                {name}
              </Link>{" "}
              <span className="faint">{enumWord(type, "TASK_QUEUE_TYPE_").toLowerCase()}</span>
            </li>
          ))}
        </ul>
      </div>
      <div>
        <h3>Metadata</h3>
        {Object.keys(entries).length === 0 ? (
          <p className="faint">none</p>
        ) : (
          <MessageView message={entries} label="metadata" />
        )}
      </div>
    </div>
  );
}
