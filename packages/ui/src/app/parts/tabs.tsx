/** Several views of one thing, of which one is seen. */
import type { ReactNode } from "react";
import { Tab, TabList, TabPanel } from "react-aria-components";

interface TabRowProps<Name extends string> {
  readonly label: string;
  /** Id to label. */
  readonly names: Readonly<Record<Name, string>>;
  readonly look?: string;
}

/** Stands with its panels in one `Tabs` of React Aria's. */
export function TabRow<Name extends string>({ label, names, look = "" }: TabRowProps<Name>) {
  return (
    <TabList aria-label={label} className={`switch ${look}`}>
      {(Object.keys(names) as Name[]).map((name) => (
        <Tab key={name} id={name}>
          {names[name]}
        </Tab>
      ))}
    </TabList>
  );
}

/** Only that of the chosen tab exists. */
export function TabView({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return <TabPanel id={name}>{children}</TabPanel>;
}
