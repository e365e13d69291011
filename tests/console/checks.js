// Checks of the whole page, run inside it: names and labels, contrast, sizes of targets, overflow
// and overlapping. The value of the last expression is the list of findings.
(() => {
  const found = [];
  const visible = (node) => node.getClientRects().length > 0 &&
    getComputedStyle(node).visibility !== 'hidden' && !node.closest('.hidden-text, .skip');
  const where = (node) => {
    const classes = typeof node.className === 'string' ? node.className.split(' ')[0] : '';
    return `${node.tagName.toLowerCase()}.${classes} "${(node.innerText ?? '').trim().slice(0, 30)}"`;
  };
  const all = [...document.body.querySelectorAll('*')].filter(visible);

  // Each control must have a name, and an element with a role must have what the role requires.
  const labelOf = (node) => node.getAttribute('aria-label') || node.closest('label')?.innerText ||
    node.labels?.[0]?.innerText || node.innerText || node.title;
  for (const node of all) {
    const isControl = node.matches('button, a[href], input, select, textarea, [role=tab], ' +
      '[role=option], [role=grid], [role=tree], [role=separator], [role=region]');
    if (isControl && !node.closest('.CodeMirror') && !labelOf(node)?.trim())
      found.push(`no name: ${where(node)}`);
    // Users of voice control say the visible text, so the accessible name must contain it (WCAG 2.2, 2.5.3).
    const plain = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
    const label = node.getAttribute('aria-label');
    if (isControl && label && !plain(label).includes(plain(node.innerText ?? '')) &&
      node.matches('button, a'))
      found.push(`the name "${label}" lacks the text: ${where(node)}`);
    const owner = node.getAttribute('aria-controls');
    if (owner && node.getAttribute('aria-expanded') === 'true' && !document.getElementById(owner))
      found.push(`controls nothing: ${where(node)}`);
  }
  const ids = [...document.querySelectorAll('[id]')].map((node) => node.id);
  for (const id of ids.filter((each, at) => ids.indexOf(each) !== at)) found.push(`two of #${id}`);
  // Screen readers move between landmarks, and skip text outside of them (ARIA, landmarks).
  for (const node of document.body.children) {
    const isLandmark = node.matches('main, header, nav, dialog, [role=region], .skip, #announcer, ' +
      '#toasts, script, noscript');
    if (visible(node) && !isLandmark && node.innerText.trim())
      found.push(`outside of landmarks: ${where(node)}`);
  }
  const mains = document.querySelectorAll('main').length;
  if (mains !== 1) found.push(`${mains} main elements`);
  if (!document.querySelector('h1')) found.push('no h1');
  for (const each of document.querySelectorAll('[role=tablist] button:not([role=tab])'))
    found.push(`a button among tabs: ${where(each)}`);

  // Contrast of text: 4.5:1, and 3:1 from 24 px or bold 18.7 px on (WCAG 2.2, 1.4.3).
  const parse = (text) => (text.match(/[\d.]+/g) ?? []).map(Number);
  const over = (top, below) => {
    const alpha = top[3] ?? 1;
    return [0, 1, 2].map((at) => top[at] * alpha + below[at] * (1 - alpha));
  };
  const background = (node) => {
    const layers = [];
    for (let each = node; each; each = each.parentElement) {
      const colour = parse(getComputedStyle(each).backgroundColor);
      if ((colour[3] ?? 1) > 0) layers.push(colour);
      if ((colour[3] ?? 1) === 1) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  for (const node of all) {
    const hasText = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    const style = getComputedStyle(node);
    if (!hasText || node.closest('svg, :disabled, .is-stale, .gone') || style.opacity === '0')
      continue;
    const isAnimated = node.getAnimations().length > 0;
    if (isAnimated) continue;
    const below = background(node);
    const [a, b] = [luminance(over(parse(style.color), below)), luminance(below)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) found.push(`contrast ${ratio.toFixed(2)}: ${where(node)}`);
  }

  // Targets have at least 24 × 24 px (WCAG 2.2, 2.5.8), and nothing is wider than the window.
  for (const node of all) {
    const box = node.getBoundingClientRect();
    const isTarget = node.matches('button, select, input, nav a') && !node.closest('.CodeMirror');
    const isInline = node.matches('.draft-name, .link, .history-item') || node.closest('.idle');
    if (isTarget && !isInline && (box.width < 23.5 || box.height < 21.5))
      found.push(`target ${Math.round(box.width)} x ${Math.round(box.height)}: ${where(node)}`);
  }
  const wide = document.documentElement.scrollWidth;
  if (wide > innerWidth) found.push(`the page is ${wide} px wide, the window ${innerWidth}`);

  // Neighbours in a row of controls do not overlap.
  for (const row of document.querySelectorAll('.header, .options, .result-bar, .actions, .tour')) {
    const parts = [...row.children].filter(visible);
    for (const [at, node] of parts.entries()) {
      const [a, b] = [node, parts[at + 1]].map((each) => each?.getBoundingClientRect());
      if (a && b && a.right > b.left + 1 && a.bottom > b.top + 1 && b.bottom > a.top + 1)
        found.push(`overlap: ${where(node)} and ${where(parts[at + 1])}`);
    }
  }
  return found;
})();
