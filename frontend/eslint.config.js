import js from "@eslint/js";
import boundaries from "eslint-plugin-boundaries";
import jsxA11y from "eslint-plugin-jsx-a11y";
import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

const area = (type) => ({ type, pattern: `src/${type}/**`, mode: "full" });
const below = (from) => ({ from: [from], allow: ["core", from] });

export default tseslint.config(
  { ignores: ["dist/", "coverage/", "node_modules/", "src/sync/generated/schema.d.ts"] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  {
    files: ["src/**/*.{ts,tsx}", "vite.config.ts"],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { "react-hooks": hooks, boundaries },
    settings: {
      "import/resolver": { typescript: { project: "./tsconfig.json" } },
      "boundaries/include": ["src/**/*"],
      "boundaries/elements": [
        area("core"),
        area("tools"),
        area("actions"),
        area("render"),
        area("sync"),
        area("ui"),
        { type: "entry", pattern: "src/main.tsx", mode: "full" },
      ],
    },
    rules: {
      ...hooks.configs.recommended.rules,
      // Who may import whom: core knows nothing of ours, its users know core only, ui composes.
      "boundaries/element-types": [
        "error",
        {
          default: "disallow",
          rules: [
            { from: ["core"], allow: ["core"] },
            below("tools"),
            below("actions"),
            below("render"),
            below("sync"),
            { from: ["ui"], allow: ["core", "tools", "actions", "render", "sync", "ui"] },
            { from: ["entry"], allow: ["ui", "sync"] },
          ],
        },
      ],
      "boundaries/no-unknown": "error",
      complexity: ["error", 15],
      "max-lines": ["error", 500],
      "no-console": "error",
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/no-invalid-void-type": "off",
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-unnecessary-type-parameters": "off",
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: { attributes: false } }],
    },
  },
  {
    // Only render may touch the slide viewer and the transport of objects.
    files: ["src/{core,tools,actions,sync,ui}/**/*.{ts,tsx}"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          paths: ["openseadragon", "apache-arrow"].map((name) => ({ name, message: "Use src/render." })),
        },
      ],
    },
  },
  {
    files: ["src/**/*.tsx"],
    ignores: ["src/**/*.test.tsx"],
    ...jsxA11y.flatConfigs.strict,
    rules: {
      ...jsxA11y.flatConfigs.strict.rules,
      // Mantine's controls take the focus where they replace the pressed one, and on the sign-in page.
      "jsx-a11y/no-autofocus": ["error", { ignoreNonDOM: true }],
      // A log that scrolls must be reachable by keyboard.
      "jsx-a11y/no-noninteractive-tabindex": ["error", { tags: [], roles: ["tabpanel", "log"] }],
    },
  },
  { files: ["*.js"], ...tseslint.configs.disableTypeChecked },
  { files: ["*.js"], languageOptions: { globals: { URL: "readonly", console: "readonly", process: "readonly" } } },
);
