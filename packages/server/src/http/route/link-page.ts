/** What a person sees of a link to complete an activity: a page without scripts, in which whatever others wrote is text. */
import { createHash } from "node:crypto";
import type { ActivityLink } from "../../frontend/activity/activity-link.ts";
import type { Reply } from "../reply.ts";

const style = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; }
  dt { opacity: .7; } dd { margin: 0; overflow-wrap: anywhere; }
  textarea, input { box-sizing: border-box; width: 100%; font: inherit; padding: .5rem; }
  textarea { min-height: 8rem; font-family: ui-monospace, monospace; }
  label { display: block; margin-top: 1.5rem; } button { font: inherit; padding: .5rem 1rem; margin-top: .5rem; }
`;

const styleHash = createHash("sha256").update(style).digest("base64");

/** Nothing is loaded, nothing runs, no other page may hold this one, and its forms go nowhere else. */
const policy = [
  "default-src 'none'",
  `style-src 'sha256-${styleHash}'`,
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join("; ");

export function formPage({ activity, expiresAtMs }: ActivityLink): Reply {
  const facts = [
    ["Activity", activity.activityType],
    ["Activity id", activity.activityId],
    ["Workflow", activity.workflowType],
    ["Workflow id", activity.workflowId],
    ["Waiting since", new Date(activity.startedAtMs).toISOString()],
    ["Link good until", new Date(expiresAtMs).toISOString()],
  ] as const;
  // A standalone activity has no workflow.
  const known = facts.filter(([, value]) => value !== "");
  const list = known.map(([name, value]) => `<dt>${name}</dt><dd>${escaped(value)}</dd>`).join("\n");
  return page(200, `Answer for ${activity.activityType}`, [
    `<dl>${list}</dl>`,
    '<form method="post"><label>Result, as JSON<textarea name="result" required></textarea></label>',
    '<button type="submit">Complete</button></form>',
    '<form method="post"><label>Or why it cannot be done<input name="error" required></label>',
    '<button type="submit">Fail</button></form>',
  ]);
}

export function messagePage(status: number, title: string, text: string): Reply {
  return page(status, title, [`<p>${escaped(text)}</p>`]);
}

function page(status: number, title: string, body: readonly string[]): Reply {
  const head = [
    '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">',
    `<title>${escaped(title)}</title><style>${style}</style>`,
  ];
  const html = `<!doctype html><html lang="en"><head>${head.join("")}</head><body><h1>${escaped(title)}</h1>${body.join("\n")}</body></html>\n`;
  return {
    status,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": policy,
      // The address is the secret.
      "referrer-policy": "same-origin",
    },
    body: html,
  };
}

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => escapes[char]!);
}
