import { notifications } from "@mantine/notifications";

import { sayError } from "./serverTexts";

/** A short message that something was done. */
export function notifyDone(message: string): void {
  notifications.show({ message, color: "teal", autoClose: 4000 });
}

/** The sentence of an error, kept until it is read. */
export function notifyFailure(error: unknown): void {
  notifications.show({ message: sayError(error), color: "red", autoClose: 10_000 });
}
