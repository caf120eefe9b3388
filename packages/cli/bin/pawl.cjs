#!/usr/bin/env node
// The command `pawl`. An older Node cannot even read main.ts, so this file says what is missing before it loads it.
require("./require-node.cjs");
void import("../src/main.ts").then(({ main }) => main());
