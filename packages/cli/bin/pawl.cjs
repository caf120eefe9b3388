#!/usr/bin/env node
// The command `pawl`. An older Node cannot even read main.ts, so what needs none of that comes before it is loaded.
require("./require-node.cjs");
const [command] = process.argv.slice(2);
if (command === "server" || command === "dev") require("./allocator.cjs").settle(__filename, process.argv.slice(2));
require("./compile-cache.cjs").keepCompiled();
void import("pawl/main").then(({ main }) => main());
