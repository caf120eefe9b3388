/** Pages on which a schedule is made or changed. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { newScheduleRoute, scheduleEditRoute } from "../addresses.ts";
import { ApiError } from "../api/ask.ts";
import { createSchedule, describeSchedule, updateSchedule } from "../api/schedules.ts";
import { decodedMessage } from "../codec/decode.ts";
import { useTitle } from "../parts/list-page.tsx";
import { MissingSchedule } from "../parts/missing.tsx";
import { Loading, Problem } from "../parts/notice.tsx";
import { draftOf, newDraft } from "./draft.ts";
import { ScheduleEditor } from "./editor.tsx";

export function NewSchedulePage() {
  const { namespace } = newScheduleRoute.useParams();
  const navigate = useNavigate();
  useTitle("New schedule");
  return (
    <div className="page">
      <h1>New schedule</h1>
      <ScheduleEditor
        namespace={namespace}
        scheduleId={undefined}
        before={newDraft}
        action="Create"
        onSubmit={async (scheduleId, schedule) => {
          await createSchedule({ namespace, scheduleId }, schedule);
          await navigate({
            to: "/namespaces/$namespace/schedules/$scheduleId",
            params: { namespace, scheduleId },
          });
        }}
        onCancel={() => void navigate({ to: "/namespaces/$namespace/schedules", params: { namespace } })}
      />
    </div>
  );
}

export function EditSchedulePage() {
  const address = scheduleEditRoute.useParams();
  const { namespace, scheduleId } = address;
  const navigate = useNavigate();
  const client = useQueryClient();
  useTitle(`Edit ${scheduleId}`);
  // Read once: what is typed is not taken away by what others do. Their changes are told when this one is saved.
  const schedule = useQuery({
    queryKey: ["schedule-to-edit", namespace, scheduleId],
    queryFn: async ({ signal }) => {
      const described = await describeSchedule(address, signal);
      // What cannot be decoded stays as it is, and is sent back as it is.
      const decoded = await decodedMessage(namespace, described.schedule).catch(() => described.schedule);
      return { ...described, schedule: decoded as typeof described.schedule };
    },
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  const back = async () => {
    await client.invalidateQueries({ queryKey: ["schedule", namespace, scheduleId] });
    await navigate({ to: "/namespaces/$namespace/schedules/$scheduleId", params: { ...address } });
  };
  return (
    <div className="page">
      <section aria-label="Summary">
        <nav aria-label="Breadcrumb" className="crumbs">
          <Link to="/namespaces/$namespace/schedules/$scheduleId" params={{ ...address }}>
            {scheduleId}
          </Link>
        </nav>
        <h1 className="breakable">Edit {scheduleId}</h1>
      </section>
      {schedule.data ? (
        <ScheduleEditor
          namespace={namespace}
          scheduleId={scheduleId}
          before={draftOf(schedule.data.schedule)}
          action="Save"
          onSubmit={async (_, changed) => {
            await updateSchedule(address, changed, schedule.data.conflictToken).catch(tellOfOthers);
            await back();
          }}
          onCancel={() => void back()}
        />
      ) : schedule.error ? (
        <Problem
          error={schedule.error}
          onRetry={schedule.refetch}
          missing={<MissingSchedule scheduleId={scheduleId} />}
        />
      ) : (
        <Loading what={scheduleId} />
      )}
    </div>
  );
}

function tellOfOthers(error: unknown): never {
  if (error instanceof ApiError && /conflict token/.test(error.message))
    throw new Error(
      "Somebody else has changed it since it was opened here. Open it again to see how, and change that.",
    );
  throw error;
}
