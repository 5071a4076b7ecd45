import { ColorInput, type ColorInputProps } from "@mantine/core";
import { type ReactElement, useState } from "react";

import { LABEL_COLOURS } from "../../theme/theme";

/** The colour of a label. Escape closes the picker, and leaves the dialog around it open. */
export function ColourInput(props: ColorInputProps): ReactElement {
  // The picker is open while the field has the focus, unless it was closed by Escape.
  const [isClosed, setClosed] = useState(true);
  return (
    <ColorInput
      format="hex"
      swatches={[...LABEL_COLOURS]}
      swatchesPerRow={LABEL_COLOURS.length}
      {...(isClosed ? { popoverProps: { opened: false } } : { "data-mantine-stop-propagation": true })}
      onFocus={() => setClosed(false)}
      onClick={() => setClosed(false)}
      onBlur={() => setClosed(true)}
      onKeyDown={(event) => {
        if (event.key === "Escape") setClosed(true);
      }}
      {...props}
    />
  );
}
