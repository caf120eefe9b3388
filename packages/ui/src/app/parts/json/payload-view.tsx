/** What payloads hold: decoded as text or as a tree, raw as they are kept, and as files. */
import { Tabs } from "react-aria-components";
import {
  bytesOf,
  encodingOf,
  type FullPayload,
  isPayload,
  payloadsOf,
  shownDeep,
  shownPayloads,
} from "../../api/payload.ts";
import { type Decoded, useDecoded } from "../../codec/decode.ts";
import { saveFile } from "../file.ts";
import { TabRow, TabView } from "../tabs.tsx";
import { JsonTree } from "./json-tree.tsx";
import { JsonView } from "./json-view.tsx";

const modes = { text: "JSON", tree: "Tree", raw: "Raw" } as const;

/** A list of payloads in either form, such as an input: one value alone, several as a list. */
export function PayloadsView({ values, label }: { readonly values: unknown; readonly label: string }) {
  const decoded = useDecoded(values);
  const files = payloadsOf(values).filter(isPayload);
  return <ModedView {...{ label, decoded, raw: values, files }} shown={shownPayloads(decoded.value)} />;
}

/** A whole message with payloads in it, such as what an event says. */
export function MessageView({ message, label }: { readonly message: unknown; readonly label: string }) {
  const decoded = useDecoded(message);
  return <ModedView {...{ label, decoded, raw: message, files: [] }} shown={shownDeep(decoded.value)} />;
}

interface ModedViewProps {
  readonly label: string;
  readonly decoded: Decoded;
  readonly shown: unknown;
  readonly raw: unknown;
  readonly files: readonly FullPayload[];
}

function ModedView({ label, decoded, shown, raw, files }: ModedViewProps) {
  if (shown === undefined) return <p className="faint">nothing</p>;
  return (
    <Tabs className="payload">
      <div className="payload-head">
        <TabRow label={`How ${label} is shown`} names={modes} look="small" />
        {files.map((payload, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: payloads have no other name than their place
          <Download key={index} payload={payload} name={files.length === 1 ? label : `${label} ${index + 1}`} />
        ))}
        <CodecState decoded={decoded} />
      </div>
      <TabView name="text">
        <JsonView value={shown} label={label} />
      </TabView>
      <TabView name="tree">
        <JsonTree value={shown} label={label} />
      </TabView>
      <TabView name="raw">
        <JsonView value={raw} label={`raw ${label}`} />
      </TabView>
    </Tabs>
  );
}

function CodecState({ decoded: { state, error } }: { readonly decoded: Decoded }) {
  if (state === "asking") return <span className="faint">Asking the codec server…</span>;
  if (state === "decoded") return <span className="faint">Decoded by the codec server</span>;
  if (state === "failed")
    return (
      <span className="refusal" role="alert">
        {error?.message}
      </span>
    );
  return null;
}

const extensions: Readonly<Record<string, string>> = { "json/plain": "json", "json/protobuf": "json" };

/** The bytes of its data as they are kept. */
function Download({ payload, name }: { readonly payload: FullPayload; readonly name: string }) {
  const bytes = bytesOf(payload.data ?? "");
  const save = () => saveFile(`${name}.${extensions[encodingOf(payload)] ?? "bin"}`, bytes);
  return (
    <button type="button" className="quiet" onClick={save}>
      Download<span className="hidden"> {name}</span>, {bytes.length.toLocaleString()} bytes
    </button>
  );
}
