/** Horizontal bars in groups, as an SVG that is readable on light and dark pages. */

export interface Bar {
  readonly name: string;
  readonly value: number;
  readonly isOurs: boolean;
}

export interface BarChart {
  readonly title: string;
  /** Lines below the bars: where the numbers are from. */
  readonly under: readonly string[];
  readonly groups: readonly { readonly name: string; readonly bars: readonly Bar[] }[];
}

const width = 760;
const barLeft = 150;
const barWidthMax = 520;
const rowHeight = 20;
const groupGap = 34;
const headHeight = 40;
const lineHeight = 18;
const footHeight = 12;
const colours = { ours: "#2f6feb", others: "#9aa4b2", text: "#6b7280", page: "#ffffff" } as const;

export function barChart({ title, under, groups }: BarChart): string {
  const most = Math.max(...groups.flatMap(({ bars }) => bars.map(({ value }) => value)), Number.MIN_VALUE);
  const parts: string[] = [];
  let y = headHeight;
  for (const { name, bars } of groups) {
    parts.push(text(12, y + 16, name, "bold"));
    y += groupGap - 10;
    for (const bar of bars) {
      parts.push(row(bar, y, most));
      y += rowHeight;
    }
    y += 10;
  }
  const height = y + under.length * lineHeight + footHeight;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="system-ui, sans-serif" font-size="12">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="${colours.page}"/>`,
    text(12, 24, title, "bold"),
    ...parts,
    ...under.map((line, at) => text(12, y + (at + 1) * lineHeight, line, "normal")),
    "</svg>\n",
  ].join("\n");
}

function row({ name, value, isOurs }: Bar, y: number, most: number): string {
  const length = Math.max(1, (value / most) * barWidthMax);
  const colour = isOurs ? colours.ours : colours.others;
  return [
    text(barLeft - 8, y + 14, name, "normal", "end"),
    `<rect x="${barLeft}" y="${y + 3}" width="${length.toFixed(1)}" height="${rowHeight - 6}" rx="2" fill="${colour}"/>`,
    text(barLeft + length + 6, y + 14, shown(value), "normal"),
  ].join("\n");
}

function shown(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}

function text(x: number, y: number, content: string, weight: "bold" | "normal", anchor = "start"): string {
  const fill = weight === "bold" ? "#111827" : colours.text;
  return `<text x="${x.toFixed(1)}" y="${y}" font-weight="${weight}" text-anchor="${anchor}" fill="${fill}">${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
