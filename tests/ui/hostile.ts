/** What a page must show as it is written, wherever a text of somebody else's appears. */
export const hostile = `<img src=x onerror="globalThis.hacked=1"><script>globalThis.hacked=1</script>"'\${7*7}{{7*7}}/../%2F`;
