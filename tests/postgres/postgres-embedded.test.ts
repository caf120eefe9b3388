/** The tests of an app in one process again, its state in PostgreSQL: client, worker, server and store together, in little time. */
import { after } from "node:test";
import { Postgres } from "../rig/postgres.ts";

// Nothing here takes the power away, so nothing need reach a disk.
const postgres = await Postgres.start({ settings: { fsync: "off", full_page_writes: "off" } });
after(() => postgres.remove());
process.env["PAWL_TEST_DB_URL"] = postgres.url();
await import("../embedded/embedded.test.ts");
