/** Light, dark, or as the system has it; remembered by this browser. */
import { remembered } from "../parts/remembered.ts";

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

export const theme = remembered<Theme>({
  key: "theme",
  read: (kept) => themes.find((name) => name === kept),
  otherwise: "system",
});

/** From here on the page looks as is chosen. */
export function followTheme(): void {
  const apply = () => {
    document.documentElement.dataset["theme"] = theme.get();
  };
  apply();
  theme.subscribe(apply);
}
