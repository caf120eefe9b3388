// How a server's process uses memory has to be settled before it starts: Node reads its flags, and the C library its variables, only then.
// So a server that was started without them replaces itself, in the same process, by one that has them. Where a process cannot replace
// itself (Windows), or its C library knows no such variables, it goes on as it is, and merely takes more.
//
//   --max-semi-space-size   Left alone, Node lets short-lived objects take over a hundred megabytes on a large machine before it collects them.
//   --heap-growing-percent  Left alone, V8 lets the heap grow to a multiple of what is alive before it collects the whole of it; so, to twice that.
//   MALLOC_*                Left alone, glibc keeps what was freed, in an arena for each thread: after 20,000 workflows a third of the server's
//                           memory was such holes. One arena, from which large pieces go back to the system at once, keeps them few. "Large" is a
//                           megabyte: below it are the page caches that SQLite makes for one statement, and each would cost two calls of the
//                           kernel and pages that it has to clear.
const variables = {
  MALLOC_ARENA_MAX: "1",
  MALLOC_MMAP_THRESHOLD_: "1048576",
  MALLOC_TRIM_THRESHOLD_: "4194304",
};
const flags = ["--max-semi-space-size=32", "--heap-growing-percent=100"];

/** Replaces this process, unless it is set up already. Returns when there is nothing to do, or no way to do it. */
exports.settle = function settle(script, args) {
  if (process.execve === undefined || process.env["MALLOC_ARENA_MAX"] !== undefined) return;
  // What the command line says comes after, and so wins.
  const command = [process.execPath, ...flags, ...process.execArgv, script, ...args];
  process.execve(process.execPath, command, { ...process.env, ...variables });
};
