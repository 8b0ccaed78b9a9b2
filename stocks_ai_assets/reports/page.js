// Draws every chart of the page. Colours are CSS variables, so nothing is drawn anew for dark mode.
(async () => {
  const config = JSON.parse(document.getElementById("chart-config").textContent);
  const charts = [...document.querySelectorAll(".chart")];
  const state = document.documentElement.dataset;
  state.charts = String(charts.length);
  let drawn = 0;
  for (const place of charts) {
    const source = place.querySelector("script");
    const spec = JSON.parse(source.textContent);
    const drawing = document.createElement("div");
    place.append(drawing);
    try {
      await vegaEmbed(drawing, spec, {
        mode: "vega-lite", renderer: "svg", actions: false, defaultStyle: false, config,
        tooltip: { theme: "page" },
      });
      drawn += 1;
      place.style.minHeight = "";
    } catch (error) {
      console.error(`chart ${place.parentElement.id}: ${error}`);
      drawing.textContent = "This chart could not be drawn; its numbers are in the tables.";
    }
    state.drawn = String(drawn);
  }
  addEventListener("beforeprint", () => {
    document.querySelectorAll("details").forEach((each) => { each.open = true; });
  });
})();
