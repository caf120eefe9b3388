/**
 * What stands before the page until it is closed. React Aria keeps the focus inside and gives it back, hides the page behind from screen readers, and
 * closes by Escape.
 */
import { type ReactNode, useEffect, useRef } from "react";
import { Dialog, Modal as Frame, Heading, ModalOverlay } from "react-aria-components";

interface ModalProps {
  readonly title: string;
  /** For screen readers only. */
  readonly isTitleHidden?: boolean;
  /** A click beside it closes it too. For what nothing is lost with. */
  readonly isLight?: boolean;
  /** Class of its frame. */
  readonly look?: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

export function Modal({ title, isTitleHidden = false, isLight = false, look = "", onClose, children }: ModalProps) {
  return (
    <ModalOverlay
      isOpen
      isDismissable={isLight}
      onOpenChange={(isOpen) => !isOpen && onClose()}
      className="modal-overlay"
    >
      <Frame className={`modal ${look}`}>
        <Dialog>
          <Heading slot="title" level={2} className={isTitleHidden ? "hidden" : ""}>
            {title}
          </Heading>
          <Body>{children}</Body>
        </Dialog>
      </Frame>
    </ModalOverlay>
  );
}

/** Whoever opens a form is in its first field. */
function Body({ children }: Pick<ModalProps, "children">) {
  const body = useRef<HTMLDivElement>(null);
  useEffect(() => {
    body.current?.querySelector<HTMLElement>("input:not([type=hidden]), select, textarea")?.focus();
  }, []);
  return <div ref={body}>{children}</div>;
}
