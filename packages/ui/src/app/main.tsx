import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { I18nProvider } from "react-aria-components";
import { createRoot } from "react-dom/client";
import { ApiError } from "./api/ask.ts";
import { router } from "./routes.tsx";
import { followTheme } from "./shell/theme.ts";

followTheme();
const client = new QueryClient({
  // A refusal stays one; a server that is being restarted comes back.
  defaultOptions: {
    queries: {
      retry: (count, error) => error instanceof ApiError && error.status === 0 && count < 2,
      networkMode: "always",
    },
    mutations: { networkMode: "always" },
  },
});
createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <I18nProvider locale="en">
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </I18nProvider>
  </StrictMode>,
);
