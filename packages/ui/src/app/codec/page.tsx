/** The codec server: which one it is, whether this browser asks it, and with what. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useId, useState } from "react";
import { useTitle } from "../parts/list-page.tsx";
import { Empty } from "../parts/notice.tsx";
import { useRemembered } from "../parts/remembered.ts";
import { askCodec } from "./server.ts";
import { codecEndpoint, codecSettings, codecToken, setCodecToken } from "./settings.ts";

export function CodecPage() {
  useTitle("Payload codec");
  return (
    <div className="page">
      <h1>Payload codec</h1>
      {codecEndpoint === undefined ? (
        <Empty title="This server names no codec server">
          <p>
            Payloads that are encrypted or compressed by a codec of your own are shown as they are. Start the server
            with <code>--ui-codec-endpoint https://codec.example.org</code> to have them decoded here.
          </p>
        </Empty>
      ) : (
        <Settings endpoint={codecEndpoint} />
      )}
      <section aria-labelledby="rules-title">
        <h2 id="rules-title">Rules</h2>
        <ul className="rules">
          <li>
            Whoever starts the server names the codec server. The pages' policy lets them reach{" "}
            <code>{codecEndpoint ?? "…"}/decode</code> and <code>/encode</code> and nothing else, so that no text in a
            payload can send anything anywhere.
          </li>
          <li>
            The codec server has to allow this page (CORS): <code>Access-Control-Allow-Origin: {location.origin}</code>{" "}
            and <code>Access-Control-Allow-Headers: content-type, x-namespace, authorization</code>, also in its answer
            to <code>OPTIONS</code>. With cookies, <code>Access-Control-Allow-Credentials: true</code> too.
          </li>
          <li>
            It is asked by this browser. What it decodes is shown and kept by this page alone; the server never sees it.
            Inputs and memos that are typed here are encoded before the server sees them, and when that fails, nothing
            is sent.
          </li>
          <li>Redirects are not followed.</li>
        </ul>
      </section>
    </div>
  );
}

function Settings({ endpoint }: { readonly endpoint: string }) {
  const tokenId = useId();
  const settings = useRemembered(codecSettings);
  const [token, setToken] = useState(codecToken);
  const client = useQueryClient();
  const trial = useMutation({
    mutationFn: () => askCodec("decode", [], { namespace: "default", settings, signal: AbortSignal.timeout(10_000) }),
  });
  const forget = () => client.removeQueries({ queryKey: ["decoded"] });
  const change = (changed: Partial<typeof settings>) => {
    codecSettings.set({ ...settings, ...changed });
    forget();
    trial.reset();
  };
  const changeToken = (text: string) => {
    setToken(text);
    setCodecToken(text);
    forget();
  };
  return (
    <section aria-label="Settings" className="settings">
      <p>
        Codec server: <code>{endpoint}</code>
      </p>
      <label className="check-field">
        <input type="checkbox" checked={settings.isOn} onChange={(event) => change({ isOn: event.target.checked })} />{" "}
        Ask it to decode payloads
      </label>
      <label className="check-field">
        <input
          type="checkbox"
          checked={settings.encodes}
          disabled={!settings.isOn}
          onChange={(event) => change({ encodes: event.target.checked })}
        />{" "}
        Ask it to encode what is typed here, before it is sent
      </label>
      <label className="check-field">
        <input
          type="checkbox"
          checked={settings.withCookies}
          onChange={(event) => change({ withCookies: event.target.checked })}
        />{" "}
        Send the cookies that this browser has for it
      </label>
      <div className="field">
        <label htmlFor={tokenId}>Authorization header, such as “Bearer …”</label>
        <input
          {...{ id: tokenId, type: "password", autoComplete: "off", value: token }}
          onChange={(event) => changeToken(event.target.value)}
        />
        <p className="faint note">Kept until this page is closed or loaded anew.</p>
      </div>
      <div className="buttons start">
        <button type="button" onClick={() => trial.mutate()} disabled={trial.isPending}>
          Try it
        </button>
        {trial.isSuccess && <span role="status">It answers.</span>}
        {trial.error && (
          <span className="refusal" role="alert">
            {trial.error.message}
          </span>
        )}
      </div>
    </section>
  );
}
