// Builds the pages: types checked, Vite, and every file compressed into `web/assets/site`. `cargo
// xtask pages` runs it when the wallet's modules are written. Those cross the line as the compiler
// wrote them: shrunk by Binaryen they were smaller, and larger once compressed.
import { execFileSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";
import { build } from "vite";
import { writeStyles } from "./styles.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const site = join(root, "../assets/site");

function files(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Every file as it is, and compressed under its name and `.br`. */
function publish(dist: string): void {
  for (const name of readdirSync(site)) {
    if (name !== ".gitignore") rmSync(join(site, name), { recursive: true });
  }
  cpSync(dist, site, { recursive: true });
  for (const file of files(dist)) {
    const bytes = readFileSync(file);
    const params = {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      [constants.BROTLI_PARAM_LGWIN]: 24,
    };
    const target = join(site, relative(dist, file));
    writeFileSync(`${target}.br`, brotliCompressSync(bytes, { params }));
    console.log(`${statSync(`${target}.br`).size.toString().padStart(8)}  ${relative(dist, file)}`);
  }
}

writeStyles();
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "--noEmit"], {
  cwd: root,
  stdio: "inherit",
});
await build({ root, logLevel: "warn" });
mkdirSync(site, { recursive: true });
publish(join(root, "dist"));
