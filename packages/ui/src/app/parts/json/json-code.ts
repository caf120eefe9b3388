/**
 * CodeMirror for JSON, in a shadow root: there its styles are constructed sheets, which the pages' policy allows, and not elements, which it does not.
 * Colours come in as the page's custom properties, so light and dark need nothing here.
 */
import { closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { json, jsonLanguage } from "@codemirror/lang-json";
import { bracketMatching, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, diagnosticCount, linter, lintKeymap } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { jsonProblem } from "./json-syntax.ts";

export interface CodeView {
  /** Unless the text is this one already. */
  show(text: string): void;
  focus(): void;
  close(): void;
}

export interface CodeViewOptions {
  readonly label: string;
  readonly rows: number;
  readonly text: string;
  /** Says what is wrong, or what belongs in. */
  readonly note: Element | null;
  readonly onChange: (text: string) => void;
}

/** Lines are numbered where there are enough of them to lose one's way. */
const numberedFromRows = 10;

export function openCodeView(host: HTMLElement, { label, rows, text, note, onChange }: CodeViewOptions): CodeView {
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open", delegatesFocus: true });
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: text,
      extensions: [
        [json(), indentUnit.of("  "), indentOnInput(), bracketMatching(), closeBrackets(), history()],
        rows >= numberedFromRows ? lineNumbers() : [],
        [linter(diagnosticsOf, { delay: 300 }), syntaxHighlighting(colours), look(rows), EditorView.lineWrapping],
        EditorView.domEventHandlers({ beforeinput: typeOver }),
        // Without a binding for Tab: it goes on to the next field.
        keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...lintKeymap]),
        EditorView.contentAttributes.of(({ state }) => ({
          ...{ "aria-label": label, "aria-invalid": String(diagnosticCount(state) > 0), spellcheck: "false" },
          // Where coloured text is typed over, browsers would keep its look as a style attribute, which the policy forbids.
          ...{ contenteditable: "plaintext-only", tabindex: "0" },
        })),
        EditorView.updateListener.of(({ docChanged, state }) => docChanged && onChange(state.doc.toString())),
      ],
    }),
  });
  // An id would not be found from within the shadow root.
  if (note) view.contentDOM.ariaDescribedByElements = [note];
  return {
    show: (shown) => {
      const length = view.state.doc.length;
      if (view.state.doc.toString() !== shown) view.dispatch({ changes: { from: 0, to: length, insert: shown } });
    },
    focus: () => view.focus(),
    close: () => view.destroy(),
  };
}

/** As Chromium has it; other browsers have no such method, and no such habit as `typeOver` is for. */
type SelectingRoot = DocumentOrShadowRoot & { getSelection?(): Selection | null };

/**
 * What is typed over a selection is put in by the editor. Chromium would give it the look of what it replaces, an underlined mistake's, in a style
 * attribute, which the policy forbids.
 */
function typeOver({ inputType, isComposing, data }: InputEvent, view: EditorView): boolean {
  // Not the view's own: it may not have heard yet of what a program has selected.
  const selected = (view.root as SelectingRoot).getSelection?.();
  if (inputType !== "insertText" || isComposing || !data || !selected?.rangeCount) return false;
  const { startContainer, startOffset, endContainer, endOffset, collapsed } = selected.getRangeAt(0);
  if (collapsed) return false;
  const [from, to] = [view.posAtDOM(startContainer, startOffset), view.posAtDOM(endContainer, endOffset)];
  const [changes, selection] = [{ from, to, insert: data }, { anchor: from + data.length }];
  const insert = () => view.state.update({ changes, selection, userEvent: "input.type", scrollIntoView: true });
  // Brackets and quotes go around what is selected.
  const isTaken = view.state.facet(EditorView.inputHandler).some((handle) => handle(view, from, to, data, insert));
  if (!isTaken) view.dispatch(insert());
  return true;
}

/** Where the grammar is left first; the end for what only lacks something. */
function diagnosticsOf({ state }: EditorView): Diagnostic[] {
  const text = state.doc.toString();
  const message = jsonProblem(text);
  if (message === undefined) return [];
  let found: { from: number; to: number } | undefined;
  jsonLanguage.parser.parse(text).iterate({
    enter: ({ type, from, to }) => {
      if (type.isError) found ??= { from, to };
      return found === undefined;
    },
  });
  return [{ ...(found ?? { from: text.length, to: text.length }), severity: "error", message }];
}

const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: "var(--violet)" },
  { tag: tags.string, color: "var(--green)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--blue)" },
]);

function look(rows: number) {
  const line = 1.5;
  return EditorView.theme({
    "&": { fontSize: "0.85rem", backgroundColor: "transparent", color: "var(--ink)" },
    "&.cm-focused": { outline: "none" },
    ".cm-scroller": { fontFamily: "ui-monospace, monospace", lineHeight: String(line), maxHeight: "60vh" },
    ".cm-content": { caretColor: "var(--ink)", padding: "0.45rem 0", minHeight: `${rows * line + 0.9}em` },
    ".cm-line": { padding: "0 0.6rem" },
    ".cm-gutters": { backgroundColor: "transparent", color: "var(--faint)", border: "none" },
    "&.cm-focused .cm-matchingBracket": {
      backgroundColor: "color-mix(in srgb, var(--blue) 22%, transparent)",
    },
    "&.cm-focused .cm-nonmatchingBracket": { backgroundColor: "color-mix(in srgb, var(--red) 22%, transparent)" },
    ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--red)" },
    ".cm-lintPoint-error::after": { borderBottomColor: "var(--red)" },
    ".cm-tooltip": { backgroundColor: "var(--panel)", border: "1px solid var(--line)", color: "var(--ink)" },
    ".cm-diagnostic-error": { borderLeftColor: "var(--red)" },
    ".cm-panels": { backgroundColor: "var(--panel)", color: "var(--ink)", borderColor: "var(--line)" },
  });
}
