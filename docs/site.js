// What the theme makes in the browser and leaves without a name or a way to it by keys: tables that scroll, and the
// buttons of blocks of code.
const mend = () => {
  document.querySelectorAll(".md-typeset__scrollwrap:not([tabindex])").forEach((table) => {
    table.tabIndex = 0;
    table.setAttribute("role", "group");
    table.setAttribute("aria-label", "Table");
  });
  document.querySelectorAll(".md-code__nav:not([aria-label])").forEach((buttons, number) => {
    buttons.setAttribute("aria-label", `Code block ${number + 1}`);
  });
};
new MutationObserver(mend).observe(document.documentElement, { childList: true, subtree: true });
mend();
