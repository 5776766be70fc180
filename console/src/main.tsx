/** Starts the console: theme, questions to the API, routes. */
import "@fontsource-variable/inter/wght.css";
import "@mantine/core/styles.css";
import "./theme.css";
import { MantineProvider } from "@mantine/core";
import { MutationCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { setNonce } from "get-nonce";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { createBrowserRouter } from "react-router";
import { RouterProvider } from "react-router/dom";
import { Problem } from "./api/client";
import { NAMES } from "./api/names";
import { prepare } from "./api/session";
import { Announcer } from "./parts/Announcer";
import { routes } from "./routes";
import { theme } from "./theme";

/** The one key to styles written at run time; the server makes a new one for each page. */
const nonce = document.querySelector<HTMLMetaElement>("meta[property=csp-nonce]")?.nonce ?? "";
setNonce(nonce);

const client: QueryClient = new QueryClient({
  mutationCache: new MutationCache({
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: NAMES });
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (failures, error) => failures < 2 && !(error instanceof Problem && error.status >= 400 && error.status < 500),
    },
  },
});

void prepare(client);

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce}>
        <QueryClientProvider client={client}>
          <Announcer />
          <RouterProvider router={createBrowserRouter(routes)} />
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
