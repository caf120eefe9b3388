import { type RefObject, useEffect, useRef } from "react";

/**
 * For a field that is set by code: its form hears of each change by an `input` event, as it does of what is typed. Give the result to the `input` that
 * has the value.
 */
export function useFormTold(value: string): RefObject<HTMLInputElement | null> {
  const field = useRef<HTMLInputElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is told of each value, which the field has already
  useEffect(() => {
    field.current?.dispatchEvent(new Event("input", { bubbles: true }));
  }, [value]);
  return field;
}
