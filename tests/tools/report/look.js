// SPDX-License-Identifier: GPL-3.0-or-later
// What a reader would stumble over in the page that is open: text of low contrast (WCAG 2.1, 1.4.3), a page
// wider than the window, text outside of it or too small to read, scripts. A function of the window's width:
// {faults: [...], links: [...], texts: N}.
((wanted) => {
    const faults = [];
    const channels = (text) => {
        const n = (text.match(/[\d.]+/g) || []).map(Number);
        return text.startsWith('color(srgb') ? [n[0] * 255, n[1] * 255, n[2] * 255, n[3] ?? 1] :
                                               [n[0], n[1], n[2], n[3] ?? 1];
    };
    const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
    const background = (element) => {
        const layers = [];
        for (let e = element; e; e = e.parentElement)
            layers.push(channels(getComputedStyle(e).backgroundColor));
        const dark = matchMedia('(prefers-color-scheme: dark)').matches &&
            getComputedStyle(document.documentElement).colorScheme.includes('dark');
        return layers.reverse().reduce(
            (below, top) => over(top, below), dark ? [18, 18, 18, 1] : [255, 255, 255, 1]);
    };
    const light = (color) => {
        const [r, g, b] = color.slice(0, 3)
                              .map((c) => c / 255)
                              .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = (a, b) => {
        const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
        return (x + 0.05) / (y + 0.05);
    };
    const seen = new Set();
    let texts = 0;
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const element = node.parentElement;
        const text = node.textContent.trim();
        if (!text || !element.checkVisibility() || ['STYLE', 'TITLE'].includes(element.tagName.toUpperCase()))
            continue;
        const style = getComputedStyle(element);
        const color = channels(element instanceof SVGElement ? style.fill : style.color);
        const ground = background(element);
        const ratio = contrast(over(color, ground), ground);
        ++texts;
        const what = `${element.tagName.toLowerCase()} '${text.slice(0, 40)}'`;
        const key = `${style.color} ${ground} ${element.tagName}`;
        if (ratio < 4.5 && !seen.has(key)) {
            seen.add(key);
            faults.push(`contrast ${ratio.toFixed(2)} of ${what}: ${color} on ${ground}`);
        }
        const box = document.createRange();
        box.selectNodeContents(node);
        const place = box.getBoundingClientRect();
        const scrolled = element.closest(".wide, pre") !== null;
        if (place.width > 0 && (place.left < -1 || (place.right > wanted + 1 && !scrolled)))
            faults.push(`${what} lies outside the window`);
        const scale = element instanceof SVGElement ? element.getScreenCTM().a : 1;
        const size = parseFloat(style.fontSize) * scale;
        if (size < 8.5) faults.push(`${what} is ${size.toFixed(0)} pixels high`);
    }
    // A phone shows a page that is too wide smaller: innerWidth grows with it.
    const width = Math.max(document.documentElement.scrollWidth, innerWidth);
    if (width > wanted) faults.push(`the page is ${width} pixels wide in a window of ${wanted}`);
    if (document.scripts.length) faults.push(`${document.scripts.length} scripts`);
    return {
        faults,
        texts,
        links: [...document.querySelectorAll('a[href], img[src], link[href]')].map((e) => e.href || e.src)
    };
})
