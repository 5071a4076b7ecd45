import { fileURLToPath } from "node:url";

import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const server = "http://127.0.0.1:8000";

export default defineConfig({
  base: "/",
  plugins: [react()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  server: {
    // The catalogues of messages are beside the Python code that uses them.
    fs: { allow: [".", "../ml/locales"] },
    proxy: { "/api": server, "/tiles": server, "/object-tiles": server, "/help": server },
  },
  build: {
    outDir: "dist",
    target: "es2022",
    // The viewer's WebGL and Arrow code is one lazily loaded part: only the slide page pays for it.
    chunkSizeWarningLimit: 900,
    rollupOptions: {
      output: {
        manualChunks: {
          deck: ["@deck.gl/core", "@luma.gl/core", "@luma.gl/engine"],
          react: ["react", "react-dom", "react-router", "@tanstack/react-query"],
          mantine: ["@mantine/core", "@mantine/hooks", "@mantine/notifications"],
        },
      },
    },
  },
  test: {
    environment: "node",
    include: ["src/**/*.test.{ts,tsx}"],
    sequence: { shuffle: true },
    // Pages are slow to draw on a machine that does other things too.
    testTimeout: 30_000,
    coverage: { include: ["src/core/**", "src/tools/**", "src/sync/**"], exclude: ["**/*.test.ts"] },
  },
});
