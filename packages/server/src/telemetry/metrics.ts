/** Counters, histograms and gauges of the process, and their text in the format that Prometheus reads. Plain numbers: adding one is an addition. */

export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  add(by?: number): void;
}

export interface Histogram {
  observe(value: number): void;
}

/** One series as it stands now. Names and units are those of Prometheus: times in seconds, sizes in bytes. */
export type Sample = { readonly name: string; readonly labels: Labels } & (
  | { readonly type: "counter" | "gauge"; readonly value: number }
  | {
      readonly type: "histogram";
      readonly count: number;
      readonly sum: number;
      /** How many values were at most `le`, ascending; values above the last bound are in `count` alone. */
      readonly buckets: readonly { readonly le: number; readonly count: number }[];
    }
);

/** For durations in seconds: half a millisecond to the length of a long poll. */
export const secondsBuckets: readonly number[] = [
  0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60,
];

class CounterSeries implements Counter {
  value = 0;
  add(by = 1): void {
    this.value += by;
  }
}

class HistogramSeries implements Histogram {
  readonly #bounds: readonly number[];
  /** One more than bounds: values above the last. */
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let index = 0;
    while (index < this.#bounds.length && value > this.#bounds[index]!) index++;
    this.#counts[index]! += 1;
    this.#sum += value;
  }

  read(): { count: number; sum: number; buckets: { le: number; count: number }[] } {
    let count = 0;
    const buckets = this.#bounds.map((le, index) => {
      count += this.#counts[index]!;
      return { le, count };
    });
    return { count: count + this.#counts[this.#bounds.length]!, sum: this.#sum, buckets };
  }
}

interface Family {
  readonly name: string;
  readonly help: string;
  readonly series: Map<
    string,
    { readonly labels: Labels; readonly of: CounterSeries | HistogramSeries | (() => number) }
  >;
}

/** The numbers of a process. A program may add its own; whoever has the object can read all of them. */
export class Metrics {
  readonly #families = new Map<string, Family>();

  /** The same name and labels give the same counter. Keep it where it is used often. */
  counter(name: string, help: string, labels: Labels = {}): Counter {
    return this.#series(name, help, labels, () => new CounterSeries()) as CounterSeries;
  }

  histogram(name: string, help: string, labels: Labels = {}, bounds = secondsBuckets): Histogram {
    return this.#series(name, help, labels, () => new HistogramSeries(bounds)) as HistogramSeries;
  }

  /** `read` is called whenever somebody looks. */
  gauge(name: string, help: string, read: () => number, labels: Labels = {}): void {
    this.#series(name, help, labels, () => read);
  }

  snapshot(): Sample[] {
    return [...this.#families.values()].flatMap(({ name, series }) =>
      [...series.values()].map(({ labels, of }): Sample => {
        if (of instanceof HistogramSeries) return { type: "histogram", name, labels, ...of.read() };
        if (of instanceof CounterSeries) return { type: "counter", name, labels, value: of.value };
        return { type: "gauge", name, labels, value: of() };
      }),
    );
  }

  /** What `GET /metrics` answers. */
  prometheusText(): string {
    const lines: string[] = [];
    let family = "";
    for (const sample of this.snapshot()) {
      if (sample.name !== family) {
        family = sample.name;
        lines.push(`# HELP ${family} ${this.#families.get(family)!.help}`, `# TYPE ${family} ${sample.type}`);
      }
      if (sample.type !== "histogram") {
        lines.push(`${family}${labelText(sample.labels)} ${sample.value}`);
        continue;
      }
      const { labels, buckets, count, sum } = sample;
      for (const bucket of buckets)
        lines.push(`${family}_bucket${labelText({ ...labels, le: String(bucket.le) })} ${bucket.count}`);
      lines.push(`${family}_bucket${labelText({ ...labels, le: "+Inf" })} ${count}`);
      lines.push(`${family}_sum${labelText(labels)} ${sum}`, `${family}_count${labelText(labels)} ${count}`);
    }
    return `${lines.join("\n")}\n`;
  }

  #series(name: string, help: string, labels: Labels, make: () => CounterSeries | HistogramSeries | (() => number)) {
    let family = this.#families.get(name);
    if (!family) {
      family = { name, help, series: new Map() };
      this.#families.set(name, family);
    }
    const key = labelText(labels);
    let series = family.series.get(key);
    if (!series) {
      series = { labels, of: make() };
      family.series.set(key, series);
    }
    return series.of;
  }
}

function labelText(labels: Labels): string {
  const entries = Object.entries(labels);
  if (entries.length === 0) return "";
  const escaped = (value: string) => value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  return `{${entries.map(([name, value]) => `${name}="${escaped(value)}"`).join(",")}}`;
}
