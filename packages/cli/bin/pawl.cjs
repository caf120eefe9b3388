#!/usr/bin/env -S node --max-semi-space-size=8
// The command `pawl`. Left alone, Node lets short-lived objects take over a hundred megabytes on a large machine before it collects them.
// An older Node cannot even read main.ts, so this file says what is missing before it loads it.
require("./require-node.cjs");
void import("../src/main.ts").then(({ main }) => main());
