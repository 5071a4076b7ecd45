import { Typography } from "@mantine/core";
import Markdown from "react-markdown";
import remarkGfm from "remark-gfm";

import classes from "./ModelCard.module.css";

/** The card is a document inside a section: its headings stay below the section's own. */
const HEADINGS = { h1: "h3", h2: "h4", h3: "h5" } as const;

/** The version's card, a document in English. Markup inside the text is shown as text, never run. */
export function ModelCard({ text }: { readonly text: string }) {
  return (
    <Typography fz="sm" lang="en" className={classes.card}>
      <Markdown remarkPlugins={[remarkGfm]} disallowedElements={["img"]} components={HEADINGS}>
        {text}
      </Markdown>
    </Typography>
  );
}
