import { ColorSwatch, Group, Text } from "@mantine/core";

interface LabelDotProps {
  readonly colour: string;
  readonly name: string;
}

/** A label's colour and name. */
export function LabelDot({ colour, name }: LabelDotProps) {
  return (
    <Group gap={6} wrap="nowrap" style={{ display: "inline-flex", minWidth: 0 }}>
      <ColorSwatch color={colour} size={12} withShadow={false} />
      <Text size="sm" truncate>
        {name}
      </Text>
    </Group>
  );
}
