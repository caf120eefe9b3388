/** A field with suggestions: any text may be typed, and those that begin to match are offered. */
import { useState } from "react";
import { ComboBox, FieldError, Input, Label, ListBox, ListBoxItem, Popover } from "react-aria-components";
import { useFormTold } from "./use-form-told.ts";

interface SuggestFieldProps {
  readonly label: string;
  /** Of the form's field. */
  readonly name: string;
  readonly suggestions: readonly string[];
  readonly isLabelHidden?: boolean;
}

export function SuggestField({ label, name, suggestions, isLabelHidden = false }: SuggestFieldProps) {
  const [text, setText] = useState("");
  const field = useFormTold(text);
  return (
    <ComboBox
      className="field"
      allowsCustomValue
      isRequired
      menuTrigger="focus"
      inputValue={text}
      onInputChange={setText}
      defaultItems={suggestions.map((id) => ({ id }))}
    >
      <Label className={isLabelHidden ? "hidden" : ""}>{label}</Label>
      <Input autoComplete="off" spellCheck={false} {...(isLabelHidden && { placeholder: label })} />
      <input ref={field} type="hidden" name={name} value={text} />
      <FieldError className="refusal note" />
      <Popover className="popover options">
        <ListBox<{ readonly id: string }>>
          {({ id }) => (
            <ListBoxItem textValue={id} className="breakable">
              {id}
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </ComboBox>
  );
}
