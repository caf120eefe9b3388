// Plain CommonJS on purpose: it must run on the oldest Node that may start it, to say what is missing.
const major = Number(process.versions.node.split(".")[0]);
if (major < 24) {
  console.error(
    `Pawl needs Node 24 or newer, and this is ${process.versions.node}: run it through npm (npm ci, npm run dev), which uses the Node 24 that comes with the dependencies, or install Node 24 where no such package exists for your platform.`,
  );
  process.exit(1);
}
