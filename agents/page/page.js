"use strict";
// Draws the pictures that stand as JSON in the page. Colours called var(--name) are the style sheet's, light or dark.
(function () {
  const pictures = JSON.parse(document.getElementById("pictures").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const touch = window.matchMedia("(pointer: coarse)");
  const config = { displayModeBar: false };

  function shade(name) {
    return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  }

  function painted(value) {
    if (typeof value === "string") {
      const named = /^var\(--(\w+)\)$/.exec(value);
      return named ? shade(named[1]) : value;
    }
    if (Array.isArray(value)) return value.map(painted);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, painted(item)]));
  }

  function styled(given, width, height) {
    const layout = painted(given);
    layout.font = { family: getComputedStyle(document.body).fontFamily, size: 12, color: shade("ink") };
    layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0,0,0,0)";
    layout.margin = Object.assign({ l: 52, r: 26, t: 26, b: 40 }, layout.margin);
    layout.width = width;
    layout.height = height;
    layout.hoverlabel = { bgcolor: shade("card"), bordercolor: shade("edge"), align: "left", font: { color: shade("ink") } };
    layout.showlegend = false;
    layout.dragmode = touch.matches ? false : "zoom";
    for (const key of Object.keys(layout)) {
      if (!/^[xy]axis\d*$/.test(key)) continue;
      const axis = layout[key];
      axis.gridcolor = axis.zerolinecolor = shade("grid");
      axis.linecolor = axis.tickcolor = shade("faint");
      if (axis.title) axis.title.font = { size: 12, color: shade("soft") };
      if (axis.type === "date" && axis.ticktext) {
        // On a telephone every second or third of the ticks that a desktop has room for.
        const room = Math.max(2, Math.floor((width - ((layout.meta || {}).left || 78)) / 48));
        const every = Math.ceil(axis.ticktext.length / room);
        axis.ticktext = axis.ticktext.filter((_, index) => index % every === 0);
        axis.tickvals = axis.tickvals.filter((_, index) => index % every === 0);
        axis.tickangle = 0;
      }
      if (axis.ticklabeloverflow && axis.ticktext) {
        // Names under bars lie aslant where the longest of their lines would meet the next one.
        const longest = Math.max(...axis.ticktext.flatMap((text) => text.split("<br>")).map((line) => line.length));
        if (7 * longest > (width - 90) / axis.ticktext.length) axis.tickangle = -45;
      }
      if (axis.type === "log" && axis.ticktext && width < 300) {
        axis.ticktext = axis.ticktext.map((text, index) => (index % 2 === 0 ? text : ""));
      }
    }
    return layout;
  }

  function draw(picture, panel) {
    const width = panel.plot.clientWidth;
    if (panel.frame.hidden || !width) return;
    const hidden = picture.hidden;
    const layout = styled(panel.layout, width, panel.plot.clientHeight);
    if (picture.range) layout.xaxis.range = picture.range; // what one has zoomed to, when a legend is clicked
    const data = panel.data.map((trace) => Object.assign(painted(trace), { visible: !hidden.has(trace.legendgroup) }));
    window.Plotly.react(panel.plot, data, layout, config);
    panel.width = width;
  }

  function link(picture) {
    let isBusy = false;
    for (const panel of picture.panels) {
      panel.plot.on("plotly_relayout", (change) => {
        if (isBusy) return;
        const range = [change["xaxis.range[0]"], change["xaxis.range[1]"]];
        const isReset = change["xaxis.autorange"];
        if (range[0] === undefined && !isReset) return;
        isBusy = true;
        picture.range = isReset ? null : range;
        const others = picture.panels.filter((other) => other !== panel);
        const wanted = isReset ? { "xaxis.range": panel.layout.xaxis.range } : { "xaxis.range": range };
        Promise.all(others.map((other) => window.Plotly.relayout(other.plot, wanted))).finally(() => { isBusy = false; });
      });
    }
  }

  function choose(picture, section, choice) {
    for (const button of section.querySelectorAll(".choices button")) {
      button.setAttribute("aria-pressed", String(button.dataset.choice === choice));
    }
    for (const panel of picture.panels) {
      panel.frame.hidden = panel.choice !== choice;
      draw(picture, panel);
    }
  }

  for (const picture of pictures) {
    const section = document.getElementById(picture.name);
    const frames = section.querySelectorAll(".panel");
    picture.hidden = new Set();
    picture.panels.forEach((panel, index) => {
      panel.frame = frames[index];
      panel.plot = frames[index].querySelector(".plot");
    });
    for (const key of section.querySelectorAll("button.key")) {
      key.addEventListener("click", () => {
        const isShown = key.getAttribute("aria-pressed") === "true";
        key.setAttribute("aria-pressed", String(!isShown));
        if (isShown) picture.hidden.add(key.dataset.group); else picture.hidden.delete(key.dataset.group);
        picture.panels.forEach((panel) => draw(picture, panel));
      });
    }
    section.querySelectorAll(".choices button").forEach((button, index) => {
      button.dataset.choice = picture.choices[index];
      button.addEventListener("click", () => choose(picture, section, button.dataset.choice));
    });
    if (picture.choices.length) choose(picture, section, picture.shown);
    else picture.panels.forEach((panel) => draw(picture, panel));
    const watcher = new ResizeObserver(() => {
      for (const panel of picture.panels) if (panel.plot.clientWidth !== panel.width) draw(picture, panel);
    });
    picture.panels.forEach((panel) => watcher.observe(panel.plot));
    if (picture.panels.some((panel) => panel.layout.meta && panel.layout.meta.linked)) link(picture);
  }
  dark.addEventListener("change", () => pictures.forEach((picture) => picture.panels.forEach((panel) => draw(picture, panel))));
})();
