/** Write the types of the API (src/sync/generated/schema.d.ts) from its schema; with `--check` compare only. */
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString, COMMENT_HEADER } from "openapi-typescript";
import ts from "typescript";

const SCHEMA = new URL("src/sync/openapi.json", import.meta.url);
const TYPES = new URL("src/sync/generated/schema.d.ts", import.meta.url);

const ast = await openapiTS(SCHEMA, {
  // Arrays of a fixed length are tuples; a field with a default may be left out of a request.
  arrayLength: true,
  defaultNonNullable: false,
  transform: (schema) => (schema.format === "binary" ? ts.factory.createTypeReferenceNode("Blob") : undefined),
  silent: true,
});
const types = COMMENT_HEADER + astToString(ast);

if (!process.argv.includes("--check")) await writeFile(TYPES, types);
else if (types !== (await readFile(TYPES, "utf8"))) {
  console.error("src/sync/generated/schema.d.ts is out of date: run `npm run types`.");
  process.exit(1);
}
