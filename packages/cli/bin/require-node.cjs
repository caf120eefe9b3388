// Plain CommonJS on purpose: it must run on the oldest Node that may start it, to say what is missing.
const major = Number(process.versions.node.split(".")[0]);
if (major < 24) {
  console.error(
    `Pawl needs Node 24.15 or newer, and this is ${process.versions.node}: in a checkout run it through npm ("npm run server"), which uses the Node 26 that "npm ci" brings along; elsewhere install Node 26.`,
  );
  process.exit(1);
}
