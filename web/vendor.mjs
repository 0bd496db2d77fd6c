// Fetches the vendored browser files again from the npm registry and checks their sums.
//
//   node web/vendor.mjs            fetch what vendor.json lists; fail on any other content
//   node web/vendor.mjs --update   write the sums of what came
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = join(dirname(fileURLToPath(import.meta.url)), "vendor");
const listPath = join(folder, "vendor.json");
/** @type {{packages: {name: string, version: string, licence: string, files: Record<string, {from: string, sha256: string}>}[]}} */
const list = JSON.parse(readFileSync(listPath, "utf8"));
const isUpdate = process.argv.includes("--update");
const scratch = mkdtempSync(join(tmpdir(), "ptybridge-vendor-"));

try {
  for (const { name, version, files } of list.packages) {
    const packed = execFileSync("npm", ["pack", "--silent", `${name}@${version}`], { cwd: scratch })
      .toString()
      .trim();
    execFileSync("tar", ["-xzf", packed], { cwd: scratch });
    for (const [path, file] of Object.entries(files)) {
      const source = join(scratch, "package", file.from);
      const text = readFileSync(source, "utf8").replace(/\n\/\/# sourceMappingURL=.*\s*$/, "\n");
      const sha256 = createHash("sha256").update(text).digest("hex");
      if (isUpdate) file.sha256 = sha256;
      else if (sha256 !== file.sha256) throw new Error(`${path}: is not what vendor.json says`);
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
      console.log(`${sha256}  ${path}`);
    }
    rmSync(join(scratch, "package"), { recursive: true });
  }
  if (isUpdate) writeFileSync(listPath, `${JSON.stringify(list, null, 2)}\n`);
} finally {
  rmSync(scratch, { recursive: true });
}
