import assert from "node:assert/strict";
import { test } from "node:test";
import { hear, type Press, type Shortcut, shortcuts } from "./shortcuts.ts";

function press(key: string, more: Partial<Press> = {}): Press {
  return { key, ctrlKey: false, metaKey: false, altKey: false, isElsewhere: false, ...more };
}

test("every shortcut is heard by its keys, and no two have the same", () => {
  const said = new Set<string>();
  for (const [name, { keys }] of Object.entries<Shortcut>(shortcuts)) {
    assert.ok(!said.has(keys.join(" ")));
    said.add(keys.join(" "));
    if (name === "palette") continue;
    let before: string | undefined;
    for (const key of keys) {
      const heard = hear(press(key), before);
      before = heard.waitingFor;
      if (key === keys.at(-1)) assert.equal(heard.name, name);
    }
  }
});

test("Ctrl K and Cmd K open the palette wherever one is; other keys are not taken from whoever types", () => {
  for (const more of [{ ctrlKey: true }, { metaKey: true }, { ctrlKey: true, isElsewhere: true }])
    assert.equal(hear(press("k", more), undefined).name, "palette");
  assert.deepEqual(hear(press("j", { isElsewhere: true }), undefined), { waitingFor: undefined });
  assert.deepEqual(hear(press("j", { ctrlKey: true }), undefined), { waitingFor: undefined });
  assert.deepEqual(hear(press("g"), undefined), { waitingFor: "g" });
  assert.deepEqual(hear(press("z"), "g"), { waitingFor: undefined });
});
