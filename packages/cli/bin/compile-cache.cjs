// Loading the command's modules takes half a second of CPU, most of it to compile them. So V8's code is kept from one run to the next (Node's compile cache), in the
// user's folder of caches: in the folder of temporary files, which is Node's default, other users could leave code for us. NODE_COMPILE_CACHE names another folder, and
// NODE_DISABLE_COMPILE_CACHE=1 switches it off.
const { mkdirSync } = require("node:fs");
const { enableCompileCache } = require("node:module");
const { homedir } = require("node:os");
const { join } = require("node:path");

/** Where the platform keeps what can be made again. Throws when the user has no home. */
function cacheFolder() {
  switch (process.platform) {
    case "darwin":
      return join(homedir(), "Library", "Caches");
    case "win32":
      return process.env["LOCALAPPDATA"] || join(homedir(), "AppData", "Local");
    default:
      return process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  }
}

/** One level alone: below a folder that says of each name in it that it is missing (such as /proc), Node tries for ever to make several. */
function made(folder) {
  try {
    mkdirSync(folder);
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
  return folder;
}

/** For what is loaded from here on. Where nothing can be written everything is compiled anew, and nobody need hear of it. */
exports.keepCompiled = function keepCompiled() {
  if (process.env["NODE_COMPILE_CACHE"]) return;
  try {
    enableCompileCache(made(join(made(join(made(cacheFolder()), "pawl")), "compiled")));
  } catch {}
};
