/** The store over PostgreSQL keeps what every store promises, on a real server. */

import { after } from "node:test";
import { PostgresStore } from "@pawl/store";
import { exerciseEquivalence, exerciseStore } from "@pawl/store/conformance";
import { Postgres } from "../rig/postgres.ts";

// Nothing here takes the power away, so nothing need reach a disk.
const postgres = await Postgres.start({ settings: { fsync: "off", full_page_writes: "off" } });
after(() => postgres.remove());

const open = async () => PostgresStore.open({ url: await postgres.newSchema(), readConnections: 2 });
exerciseStore("postgres", open);
exerciseEquivalence("postgres", open);
