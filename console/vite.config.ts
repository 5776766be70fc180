import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** The server writes a fresh nonce over this word each time it gives the page out. */
const NONCE = "__NONCE__";

export default defineConfig({
  plugins: [react()],
  html: { cspNonce: NONCE },
  build: {
    outDir: "../src/tradewind/web/console",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 900,
    // what most pages share comes in one file: a page asks for few, and begins sooner
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "shared", minShareCount: 6 }] } } },
  },
  server: { proxy: { "/api": process.env.TRADEWIND_URL ?? "http://127.0.0.1:8420" } },
});
