// usage: node actions-cache.js LOOKUP FOLDER
// Restores an entry as actions/cache does: one look-up, one download to a file, then tar with zstd below FOLDER. That action
// is a Node program as well; it loads a bundle of some MB on top, and asks no more of the machine than this.
const { spawnSync } = require("child_process");
const fs = require("fs");
const http = require("http");
const path = require("path");
const { pipeline } = require("stream/promises");

const [lookup, folder] = process.argv.slice(2);

function get(address) {
  return new Promise((resolve, reject) => {
    http.get(address, resolve).on("error", reject);
  });
}

async function main() {
  const answer = await get(lookup);
  let text = "";
  for await (const part of answer) text += part;
  if (answer.statusCode !== 200) throw new Error(`the look-up was answered with ${answer.statusCode}`);

  const archive = path.join(folder, "cache.tzst");
  const content = await get(JSON.parse(text).archiveLocation);
  if (content.statusCode !== 200) throw new Error(`the download was answered with ${content.statusCode}`);
  await pipeline(content, fs.createWriteStream(archive));

  const unpack = ["-xf", archive, "-P", "-C", folder, "--use-compress-program", "unzstd"];
  const tar = spawnSync("tar", unpack, { stdio: "inherit" });
  if (tar.status !== 0) throw new Error(`tar ended with ${tar.status ?? tar.signal}`);
  fs.unlinkSync(archive);
}

main().catch((error) => {
  console.error(`actions-cache.js: ${error.message}`);
  process.exitCode = 1;
});
