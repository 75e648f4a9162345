// Builds the pages: WebAssembly made smaller, types checked, Vite, and every file compressed into
// `web/assets/site`. `cargo xtask pages` runs it when the wallet's module is written.
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
import { basename, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";
import binaryen from "binaryen";
import { build } from "vite";
import { writeStyles } from "./styles.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const site = join(root, "../assets/site");
// A clinician's two cross the line in fewer bytes as the compiler wrote them.
const modules = ["yilian_wallet", "yilian_patient"].map((name) =>
  join(root, `src/wallet/generated/${name}_bg.wasm`),
);

/** What the compiler writes and every browser reads since 2022; no newer form shall come in. */
const { Features } = binaryen;
const known = [
  Features.MutableGlobals,
  Features.SignExt,
  Features.NontrappingFPToInt,
  Features.BulkMemory,
  Features.BulkMemoryOpt,
  Features.ReferenceTypes,
  Features.CallIndirectOverlong,
  Features.Multivalue,
];

/** Takes out what no call reaches and says the rest shorter; the module's meaning stays. */
function shrink(module: string): void {
  const bytes = readFileSync(module);
  const wasm = binaryen.readBinary(bytes);
  wasm.setFeatures(known.reduce((all, feature) => all | feature));
  binaryen.setOptimizeLevel(2);
  binaryen.setShrinkLevel(2);
  wasm.optimize();
  const smaller = wasm.emitBinary();
  wasm.dispose();
  writeFileSync(module, smaller);
  console.log(`${basename(module)}: ${bytes.length} bytes, ${smaller.length} when shrunk`);
}

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

if (!process.argv.includes("--keep-module")) modules.forEach(shrink);
writeStyles();
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "--noEmit"], {
  cwd: root,
  stdio: "inherit",
});
await build({ root, logLevel: "warn" });
mkdirSync(site, { recursive: true });
publish(join(root, "dist"));
