import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "@mantine/dropzone/styles.css";
import "@mantine/spotlight/styles.css";
import "@mantine/charts/styles.css";
import "./ui/app.css";

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { startI18n } from "./ui/i18n";
import Root from "./ui/Root";

async function start(): Promise<void> {
  await startI18n();
  const place = document.getElementById("root");
  if (!place) throw new Error("index.html has no element with the id root.");
  createRoot(place).render(
    <StrictMode>
      <Root />
    </StrictMode>,
  );
}

void start();
