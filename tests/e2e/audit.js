// What a page says of itself: controls without a name, and text that is too pale to read.
({
  // Controls without a name, pictures without a text.
  unnamed() {
    const shown = (e) => e.getClientRects().length > 0 && !e.closest("[aria-hidden=true]");
    const named = (e) =>
      e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") || e.title || e.innerText?.trim() ||
      e.labels?.length || e.placeholder || e.querySelector("[aria-label], title");
    const controls = [...document.querySelectorAll("button, a, input, select, textarea, [role=button], [role=slider]")];
    const images = [...document.querySelectorAll("img:not([alt])")];
    return [...controls.filter((e) => shown(e) && e.type !== "hidden" && !named(e)), ...images.filter(shown)]
      .map((e) => e.outerHTML.slice(0, 160));
  },

  // Text of less than 4.5 to 1 on its ground (3 to 1 when it is large): WCAG 2.1 AA.
  pale() {
    const parse = (text) => (text.match(/[\d.]+/g) ?? []).map(Number);
    const light = ([r, g, b]) => {
      const [x, y, z] = [r, g, b].map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
      return 0.2126 * x + 0.7152 * y + 0.0722 * z;
    };
    const over = ([r, g, b, a = 1], under) => [r, g, b].map((v, i) => v * a + under[i] * (1 - a));
    const ground = (e) => {
      const layers = [];
      for (let at = e; at; at = at.parentElement) {
        const style = getComputedStyle(at);
        if (style.backgroundImage !== "none") return null;
        const colour = parse(style.backgroundColor);
        if (colour.length && colour[3] !== 0) layers.push(colour);
        if (colour.length === 3) break;
      }
      return layers.reverse().reduce((under, colour) => over(colour, under), parse(getComputedStyle(document.body).backgroundColor).slice(0, 3));
    };
    const found = [];
    for (const e of document.querySelectorAll("body *")) {
      const text = [...e.childNodes].filter((n) => n.nodeType === 3).map((n) => n.textContent.trim()).join("");
      if (!text || !e.getClientRects().length || e.closest("[disabled], [data-disabled], [aria-hidden=true]")) continue;
      const style = getComputedStyle(e);
      const under = ground(e);
      if (!under || style.visibility === "hidden" || Number(style.opacity) < 1) continue;
      const [a, b] = [light(over(parse(style.color), under)), light(under)];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      const size = parseFloat(style.fontSize);
      const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      if (ratio < (isLarge ? 3 : 4.5) - 0.05) found.push(`${text.slice(0, 40)}: ${ratio.toFixed(2)} (${style.color} on ${under.map(Math.round)})`);
    }
    return [...new Set(found)];
  },
})
