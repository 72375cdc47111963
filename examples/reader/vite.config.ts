import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Browsers see one origin, page and API, so that neither CORS nor GAZETTE_ORIGINS is needed. Sockets too: the server
// compares a socket's Origin with its Host, which is why the proxy must not change that (`changeOrigin`).
const target = process.env.GAZETTE_URL ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react()],
  // Of which a tenth is this example, and the rest React, Apollo Client and a parser of Markdown.
  build: { chunkSizeWarningLimit: 600 },
  server: { proxy: { "/graphql": { target, ws: true } } },
});
