/** What stands around every page. */
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useNavigate, useParams } from "@tanstack/react-router";
import { useEffect, useRef, useSyncExternalStore } from "react";
import { sessionState, watchSession } from "../api/session.ts";
import { listNamespaces } from "../api/workflows.ts";
import { timeStyle, timeStyles } from "../parts/moment.tsx";
import { useRemembered } from "../parts/remembered.ts";
import { Keyboard } from "./keyboard.tsx";
import { type NavItem, navGroups } from "./nav.ts";
import { SignIn, SignOut } from "./sign-in.tsx";
import { theme, themes } from "./theme.ts";

export function Shell() {
  const namespace = useNamespace();
  const session = useSyncExternalStore(watchSession, sessionState);
  if (session === "missing") return <SignIn />;
  return (
    <>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header className="top">
        <Link to="/namespaces/$namespace/workflows" params={{ namespace }} className="brand">
          <img src="/icon.svg" alt="" width="24" height="24" /> Pawl
        </Link>
        <Keyboard namespace={namespace} />
        <NamespaceChoice namespace={namespace} />
        <TimesChoice />
        <ThemeChoice />
        {session === "open" && <SignOut />}
      </header>
      <div className="frame">
        <Pages namespace={namespace} />
        <main id="main" tabIndex={-1}>
          <Outlet />
        </main>
      </div>
    </>
  );
}

/** That of the page; on pages of the whole server the one before. */
function useNamespace(): string {
  const { namespace } = useParams({ strict: false });
  const last = useRef("default");
  useEffect(() => {
    if (namespace !== undefined) last.current = namespace;
  }, [namespace]);
  return namespace ?? last.current;
}

function Pages({ namespace }: { readonly namespace: string }) {
  return (
    <nav aria-label="Pages" className="pages">
      {navGroups.map(({ title, items }) => (
        <section key={title} aria-label={title}>
          <p className="faint">{title}</p>
          {items.map((item: (typeof items)[number] & NavItem) => (
            <Link
              key={item.to}
              to={item.to}
              params={{ namespace }}
              activeOptions={{ exact: item.isExact === true, includeSearch: false }}
              activeProps={{ "aria-current": "page" }}
            >
              {item.label}
            </Link>
          ))}
        </section>
      ))}
    </nav>
  );
}

function NamespaceChoice({ namespace }: { readonly namespace: string }) {
  const navigate = useNavigate();
  const { data } = useQuery({
    queryKey: ["namespaces"],
    queryFn: ({ signal }) => listNamespaces(signal),
    staleTime: 30_000,
  });
  const listed = (data?.namespaces ?? []).map(({ namespaceInfo }) => namespaceInfo.name);
  const names = listed.includes(namespace) ? listed : [namespace, ...listed];
  const go = (chosen: string) =>
    void navigate({ to: "/namespaces/$namespace/workflows", params: { namespace: chosen } });
  return <Choice label="Namespace" value={namespace} names={names} onChange={go} />;
}

function TimesChoice() {
  return <Choice label="Times" value={useRemembered(timeStyle)} names={timeStyles} onChange={timeStyle.set} />;
}

function ThemeChoice() {
  return <Choice label="Theme" value={useRemembered(theme)} names={themes} onChange={theme.set} />;
}

interface ChoiceProps<Name extends string> {
  readonly label: string;
  readonly value: Name;
  readonly names: readonly Name[];
  readonly onChange: (name: Name) => void;
}

function Choice<Name extends string>({ label, value, names, onChange }: ChoiceProps<Name>) {
  return (
    <label className="choice">
      <span>{label}</span>
      <select value={value} onChange={({ target }) => onChange(target.value as Name)}>
        {names.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}
