/** Worker deployments of a namespace, and which of their versions new workflows go to. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { deploymentsRoute } from "../addresses.ts";
import { type ListedDeployment, listDeployments, type RoutingConfig } from "../api/deployments.ts";
import { ListPage } from "../parts/list-page.tsx";
import { Moment } from "../parts/moment.tsx";
import { Empty } from "../parts/notice.tsx";

const refreshMs = 3_000;

export function DeploymentsPage() {
  const { namespace } = deploymentsRoute.useParams();
  const { after } = deploymentsRoute.useSearch();
  const list = useQuery({
    queryKey: ["deployments", namespace, after],
    queryFn: ({ signal }) => listDeployments(namespace, after, signal),
    refetchInterval: refreshMs,
    placeholderData: keepPreviousData,
  });
  return (
    <ListPage
      title="Worker deployments"
      list={list}
      rows={list.data?.workerDeployments ?? []}
      columns={["Deployment", "Current version", "Ramping version", "Latest version", "Made"]}
      row={({ name, routingConfig = {}, latestVersionSummary, createTime }: ListedDeployment) => (
        <tr key={name}>
          <td className="breakable">
            <Link to="/namespaces/$namespace/deployments/$deployment" params={{ namespace, deployment: name }}>
              {name}
            </Link>
          </td>
          <td className="breakable">{currentText(routingConfig)}</td>
          <td className="breakable">{rampText(routingConfig)}</td>
          <td className="breakable">{latestVersionSummary?.deploymentVersion?.buildId ?? "–"}</td>
          <td>
            <Moment at={createTime} />
          </td>
        </tr>
      )}
      empty={
        <Empty title="No worker deployments">
          <p>A worker that is started with a deployment name, a build id and versioning appears here.</p>
        </Empty>
      }
      after={after}
      next={list.data?.nextPageToken}
    />
  );
}

export function currentText({ currentDeploymentVersion }: RoutingConfig): string {
  return currentDeploymentVersion?.buildId ?? "workers without a version";
}

/** A ramp to workers without a version has a time and no version. */
export function rampText({ rampingDeploymentVersion, rampingVersion, rampingVersionPercentage = 0 }: RoutingConfig) {
  const isUnversioned = rampingVersion === "__unversioned__";
  if (!rampingDeploymentVersion && !isUnversioned) return "–";
  return `${rampingDeploymentVersion?.buildId ?? "workers without a version"}, ${rampingVersionPercentage} %`;
}
