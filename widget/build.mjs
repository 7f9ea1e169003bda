// Builds the scripts that ingest serves, or with --package the npm package.
//   node build.mjs [--out FOLDER]

import { build } from "esbuild";
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const SERVED = join(HERE, "../analytics/ingest/scripts");
const COMMON = { bundle: true, minify: true, target: "es2022", charset: "utf8", absWorkingDir: HERE, logLevel: "warning" };
const at = process.argv.indexOf("--out");
const out = at > 0 ? process.argv[at + 1] : SERVED;

async function bundle(entry, format, define = {}) {
  const built = await build({ ...COMMON, entryPoints: [entry], format, define, write: false });
  return built.outputFiles[0].contents;
}

function write(name, contents) {
  const path = join(out, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, contents);
}

// A part is named by its content, so that browsers may keep it forever.
async function part(entry, name) {
  const contents = await bundle(entry, "esm");
  const file = `fh/${name}-${createHash("sha256").update(contents).digest("hex").slice(0, 12)}.js`;
  write(file, contents);
  return file;
}

async function served() {
  rmSync(join(out, "fh"), { recursive: true, force: true });
  const define = { WATCH_FILE: JSON.stringify(await part("src/watch/part.ts", "watch")) };
  write("fh.js", await bundle("src/classic.ts", "iife", define));
  write("fh.mjs", await bundle("src/module.ts", "esm", define));
  write("array.js", await bundle("src/posthog/array.js", "iife"));
}

async function npmPackage() {
  const dist = join(HERE, "dist");
  rmSync(dist, { recursive: true, force: true });
  await build({ ...COMMON, entryPoints: ["src/index.ts"], format: "esm", splitting: true, minify: false, outdir: dist });
  const types = ["--declaration", "--emitDeclarationOnly", "--noEmit", "false", "--outDir", dist];
  execFileSync(process.execPath, [join(HERE, "node_modules/typescript/bin/tsc"), ...types], { cwd: HERE, stdio: "inherit" });
  for (const file of readdirSync(dist, { recursive: true }).filter((name) => name.endsWith(".d.ts"))) {
    const path = join(dist, file);
    // Node's own resolution wants extensions.
    writeFileSync(path, readFileSync(path, "utf8").replace(/((?:from |import\()")(\.[^"]+)"/g, '$1$2.js"'));
  }
}

await (process.argv.includes("--package") ? npmPackage() : served());
