import { Popover, type PopoverProps } from "@mantine/core";
import { type ReactElement, useCallback, useState } from "react";

import { useEscapeLayer } from "./escapeLayers";

/** Room that a popup leaves free at the top of the window: the navigation stays visible and reachable. */
const HEADER = 60;
const EDGE = 8;

interface PopupProps {
  readonly width?: number;
  readonly position: NonNullable<PopoverProps["position"]>;
  /** The button; it gets what opens and closes the popup. */
  readonly target: (toggle: () => void, opened: boolean) => ReactElement;
  /** Asked only while the popup is open. */
  readonly children: () => ReactElement;
  readonly padding?: string;
  readonly withArrow?: boolean;
}

/** A panel beside the button that opens it. Escape and a click elsewhere close it; it never covers the navigation. */
export function Popup({ width, position, target, children, padding = "sm", withArrow = false }: PopupProps) {
  const [opened, setOpened] = useState(false);
  const close = useCallback(() => setOpened(false), []);
  useEscapeLayer(opened, close);
  return (
    <Popover
      {...(width === undefined ? {} : { width })}
      position={position}
      opened={opened}
      onChange={setOpened}
      withinPortal
      withArrow={withArrow}
      trapFocus
      returnFocus
      shadow="md"
      middlewares={{
        flip: { padding: { top: HEADER } },
        shift: { padding: { top: HEADER, right: EDGE, bottom: EDGE, left: EDGE } },
      }}
    >
      <Popover.Target>{target(() => setOpened(!opened), opened)}</Popover.Target>
      <Popover.Dropdown p={padding} mah={`calc(100dvh - ${HEADER + EDGE}px)`} style={{ overflowY: "auto" }}>
        {opened ? children() : null}
      </Popover.Dropdown>
    </Popover>
  );
}
