/** What a person can do to a worker deployment. Changes of routing are refused when somebody else has made one since this page was read. */
import { useNavigate } from "@tanstack/react-router";
import {
  type DeploymentAddress,
  deleteDeployment,
  deleteVersion,
  setCurrentVersion,
  setRampingVersion,
} from "../api/deployments.ts";
import { pawlCommand } from "../parts/command-line.ts";
import { CheckField, ChoiceField, TextField } from "../parts/form/field.tsx";
import { FormDialog, textField } from "../parts/form/form-dialog.tsx";

export type DeploymentDialogName =
  | { readonly type: "current" | "ramping"; readonly buildId: string | undefined }
  | { readonly type: "deleteVersion"; readonly buildId: string }
  | { readonly type: "deleteDeployment" };

interface Props {
  readonly address: DeploymentAddress;
  readonly conflictToken: string | undefined;
  readonly versions: readonly string[];
  readonly onClose: () => void;
}

export function DeploymentDialog({ name, ...props }: Props & { readonly name: DeploymentDialogName }) {
  switch (name.type) {
    case "current":
    case "ramping":
      return <RoutingDialog {...props} kind={name.type} buildId={name.buildId ?? props.versions[0] ?? ""} />;
    case "deleteVersion":
      return <DeleteVersionDialog {...props} buildId={name.buildId} />;
    case "deleteDeployment":
      return <DeleteDeploymentDialog {...props} />;
    default:
      return name satisfies never;
  }
}

const unversioned = "workers without a version";

interface RoutingProps extends Props {
  readonly kind: "current" | "ramping";
  readonly buildId: string;
}

function RoutingDialog({ address, conflictToken, versions, onClose, kind, buildId }: RoutingProps) {
  const { namespace, deployment } = address;
  const isForced = (fields: FormData) => fields.get("force") === "on";
  const percentage = (fields: FormData) => Number(textField(fields, "percentage"));
  const command = (fields: FormData) => {
    const chosen = textField(fields, "buildId");
    return pawlCommand(["worker", "deployment", `set-${kind}-version`], {
      ...{ namespace, "deployment-name": deployment, "build-id": chosen, unversioned: chosen === "" },
      ...(kind === "ramping" && { percentage: String(percentage(fields)) }),
      ...{ "allow-no-pollers": isForced(fields), "ignore-missing-task-queues": isForced(fields), yes: true },
    });
  };
  const submit = (fields: FormData) => {
    const change = { buildId: textField(fields, "buildId"), conflictToken, isForced: isForced(fields) };
    return kind === "current"
      ? setCurrentVersion(address, change)
      : setRampingVersion(address, { ...change, percentage: percentage(fields) });
  };
  const choices = { ...Object.fromEntries(versions.map((version) => [version, version])), "": unversioned };
  return (
    <FormDialog
      title={kind === "current" ? "Set the current version" : "Set the ramping version"}
      action={kind === "current" ? "Make it current" : "Ramp"}
      command={command}
      onClose={onClose}
      onSubmit={submit}
    >
      <p>
        {kind === "current"
          ? "New workflows go to it, and those that upgrade by themselves move to it."
          : "A share of new workflows goes to it, and of those that upgrade by themselves."}
      </p>
      <ChoiceField label="Version" name="buildId" defaultValue={buildId} choices={choices} />
      {kind === "ramping" && (
        <TextField
          {...{ label: "Share, in percent", name: "percentage", type: "number", min: 0, max: 100, step: "any" }}
          defaultValue={10}
          required
        />
      )}
      <CheckField label="Even if it lacks task queues of the version before, or no worker polls for it" name="force" />
    </FormDialog>
  );
}

function DeleteVersionDialog({ address, onClose, buildId }: Props & { readonly buildId: string }) {
  const { namespace, deployment } = address;
  return (
    <FormDialog
      title={`Delete version ${buildId}?`}
      action="Delete"
      isDangerous
      command={pawlCommand(["worker", "deployment", "delete-version"], {
        ...{ namespace, "deployment-name": deployment, "build-id": buildId },
      })}
      onClose={onClose}
      onSubmit={() => deleteVersion(address, buildId)}
    >
      <p>It is refused while the version is current or ramping, workers poll for it, or workflows still run on it.</p>
    </FormDialog>
  );
}

function DeleteDeploymentDialog({ address, onClose }: Props) {
  const { namespace, deployment } = address;
  const navigate = useNavigate();
  return (
    <FormDialog
      title={`Delete ${deployment}?`}
      action="Delete"
      isDangerous
      command={pawlCommand(["worker", "deployment", "delete"], { namespace, name: deployment })}
      onClose={onClose}
      onSubmit={async () => {
        await deleteDeployment(address);
        await navigate({ to: "/namespaces/$namespace/deployments", params: { namespace } });
      }}
    >
      <p>It is refused while it has versions.</p>
    </FormDialog>
  );
}
