import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useRef } from "react";

export interface RowsProps {
  readonly count: number;
  readonly keyOf: (index: number) => string | number;
  readonly label: string;
  readonly children: (index: number) => ReactNode;
}

const rowPx = 34;

/** Rows of which only those in view exist; they may grow when they are opened. */
export function Rows({ count, keyOf, label, children }: RowsProps) {
  const scroller = useRef<HTMLElement>(null);
  const rows = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowPx,
    getItemKey: keyOf,
    overscan: 10,
  });
  if (count === 0) return <p className="faint">Nothing to show.</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
    <section ref={scroller} className="rows" tabIndex={0} aria-label={label}>
      <div className="rows-inner" style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map(({ key, index, start }) => (
          <div
            key={key}
            data-index={index}
            ref={rows.measureElement}
            className="rows-item"
            style={{ transform: `translateY(${start}px)` }}
          >
            {children(index)}
          </div>
        ))}
      </div>
    </section>
  );
}
