import "@fontsource-variable/newsreader/standard.css";
import "@fontsource-variable/newsreader/standard-italic.css";
import "./style.css";
import "./thread.css";

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./App";
import { Session } from "./viewer";

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <Session>
      <App />
    </Session>
  </StrictMode>,
);
