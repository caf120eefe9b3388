/** Where the server is: `PAWL_ADDRESS`, or `TEMPORAL_ADDRESS`, or the default port of this machine. */
export const address = process.env["PAWL_ADDRESS"] ?? process.env["TEMPORAL_ADDRESS"] ?? "localhost:7233";
