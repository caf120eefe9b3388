/** What all addresses hang on. */
import { createRootRoute, Link } from "@tanstack/react-router";
import { Empty } from "./parts/notice.tsx";
import { Shell } from "./shell/shell.tsx";

export const root = createRootRoute({
  component: Shell,
  notFoundComponent: () => (
    <div className="page">
      <Empty title="There is no such page">
        <p>
          <Link to="/">Workflows</Link>
        </p>
      </Empty>
    </div>
  ),
});

/** Those of a search's fields that are texts and say something. */
export function texts<Name extends string>(
  search: Record<string, unknown>,
  names: readonly Name[],
): { [name in Name]?: string } {
  const given = names.filter((name) => typeof search[name] === "string" && search[name] !== "");
  return Object.fromEntries(given.map((name) => [name, search[name]])) as { [name in Name]?: string };
}
