import { Text } from "@mantine/core";
import type { ReactElement } from "react";

interface Props {
  name: string;
  colour: string;
  size: string;
  selected: boolean;
  onClick: (shift: boolean) => void;
}

export function AnnotationRow({ name, colour, size, selected, onClick }: Props): ReactElement {
  return (
    <button
      type="button"
      role="option"
      className="cs-row cs-annotation-row"
      style={{ border: 0, background: selected ? undefined : "none", color: "inherit", cursor: "pointer" }}
      aria-selected={selected}
      data-testid="annotation-row"
      onClick={(event) => onClick(event.shiftKey)}
    >
      <span className="cs-dot" style={{ background: colour }} />
      <span className="cs-truncate">{name}</span>
      <Text size="xs" c="dimmed">
        {size}
      </Text>
    </button>
  );
}
