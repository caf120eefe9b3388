/** The head of the page of one thing: the list that it is in, its name, and what stands beside that. */
import type { ReactNode } from "react";

export function Title({ list, name, children }: { list: ReactNode; name: string | undefined; children: ReactNode }) {
  return (
    <>
      <nav aria-label="Breadcrumb" className="crumbs">
        {list}
      </nav>
      <div className="title">
        <h1 className="breakable">{name}</h1>
        {children}
      </div>
    </>
  );
}
