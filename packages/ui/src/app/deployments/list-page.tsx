/** Worker deployments of a namespace, and which of their versions new workflows go to. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { deploymentsRoute } from "../addresses.ts";
import { type ListedDeployment, listDeployments, type RoutingConfig } from "../api/deployments.ts";
import { ListPage } from "../parts/list-page.tsx";
import { Moment } from "../parts/moment.tsx";
import { Empty } from "../parts/notice.tsx";
import type { Column } from "../parts/table.tsx";

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
      keyOf={({ name }) => name}
      columns={columns}
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

const columns: readonly Column<ListedDeployment>[] = [
  {
    title: "Deployment",
    cell: ({ name }) => (
      <Link
        from={deploymentsRoute.id}
        to="/namespaces/$namespace/deployments/$deployment"
        params={({ namespace }) => ({ namespace, deployment: name })}
        data-shortcut="row"
      >
        {name}
      </Link>
    ),
    value: ({ name }) => name,
    look: "breakable",
  },
  { title: "Current version", cell: ({ routingConfig = {} }) => currentText(routingConfig), look: "breakable" },
  { title: "Ramping version", cell: ({ routingConfig = {} }) => rampText(routingConfig), look: "breakable" },
  { title: "Latest version", cell: (deployment) => latestOf(deployment) ?? "–", value: latestOf, look: "breakable" },
  { title: "Made", cell: ({ createTime }) => <Moment at={createTime} />, value: ({ createTime }) => createTime },
];

function latestOf({ latestVersionSummary }: ListedDeployment): string | undefined {
  return latestVersionSummary?.deploymentVersion?.buildId;
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
