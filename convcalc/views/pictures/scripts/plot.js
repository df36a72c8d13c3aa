"use strict";
/* Charts, as the page and files have them alike: what convcalc/views/pictures/charts gives becomes what ECharts draws.
   A chart's option is plain JSON; here it gets its colours, and words for its numbers. */

/** How a number of a chart is written: below an axis, and exactly. Numbers beyond those of scripts are texts. */
convcalc.formats = {
  place: {
    tick: (number) => (Number.isInteger(number) ? convcalc.exact(number + 1) : ""), // there is no layer at an end
    full: (number) => convcalc.exact(number + 1),
  },
  positions: { tick: (number) => convcalc.exact(number), full: (number) => convcalc.exact(number) },
  count: { tick: (number) => convcalc.decimal(number), full: (number) => convcalc.exact(number) },
  bytes: {
    tick: (number) => convcalc.binary(number).replace(".0 ", " "),
    full: (number) => (number < 1024 ? `${number} bytes` : `${convcalc.binary(number)} (${convcalc.exact(number)} bytes)`),
  },
  intensity: { tick: (number) => convcalc.decimal(number), full: (number) => `${convcalc.digits(number)} operations a byte` },
  rate: { tick: (number) => convcalc.decimal(number), full: (number) => `${convcalc.decimal(number, 4)} operations a second` },
  duration: { tick: (number) => convcalc.tickOfTime(number), full: (number) => convcalc.duration(number) },
  plain: { tick: (number) => String(number), full: (number) => String(number) },
};

/** A number to so many digits, without zeros behind the point. */
convcalc.digits = function (number, count = 4) {
  const text = Number(number).toPrecision(count);
  return text.includes("e") ? String(Number(text)) : text.includes(".") ? text.replace(/\.?0+$/, "") : text;
};

/** A number with a decimal suffix: 1.5 G. */
convcalc.decimal = function (number, count = 3) {
  const scales = [[1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
  const scale = scales.find(([factor]) => Math.abs(number) >= factor);
  return scale ? `${convcalc.digits(number / scale[0], count)} ${scale[1]}` : convcalc.digits(number, count);
};

/** Picoseconds in the unit that they fill, for an axis: without zeros behind the point. */
convcalc.tickOfTime = function (picoseconds) {
  const units = [[1e12, "s"], [1e9, "ms"], [1e6, "µs"], [1e3, "ns"]];
  const unit = units.find(([factor]) => picoseconds >= factor) || [1, "ps"];
  return `${convcalc.digits(picoseconds / unit[0], 3)} ${unit[1]}`;
};

/** How the numbers of one dimension of a chart's points are written. */
convcalc.formatOf = function (chart, dimension) {
  const measure = chart.measures[dimension];
  return convcalc.formats[measure ? measure.format : "plain"] || convcalc.formats.plain;
};

/** What a point of a chart says beside its name, a line for each of its numbers that has a name. */
convcalc.pointTexts = function (chart, value) {
  return chart.measures
    .map((measure, dimension) => ({ name: measure.name, text: convcalc.formatOf(chart, dimension).full(value[dimension]) }))
    .filter((line) => line.name);
};

/** Pixels that a legend takes above a chart: lines of as many names as there is room for. */
convcalc.legendHeight = function (legend, width) {
  let [lines, end] = [1, 0];
  for (const name of legend.data) {
    const own = name.length * 7.2 + 44; // as wide as letters, the symbol and the gap are at most
    if (end && end + own > width) [lines, end] = [lines + 1, 0];
    end += own;
  }
  return lines * 23;
};

/**
 * A name that ECharts can measure: it keeps the widths of texts in a plain object, in which the names of objects' own
 * members stand for something else. A space behind such a name is not seen.
 */
convcalc.measurable = (name) => (name in Object.prototype ? `${name} ` : name);

/**
 * The option of a chart, ready to be drawn so wide: a copy, whose axes write their numbers as the chart's measures say.
 */
convcalc.chartOption = function (chart, width) {
  const option = JSON.parse(JSON.stringify(chart.option));
  const ticks = chart.ticks || {};
  [option.xAxis, option.yAxis].forEach((axis, dimension) => {
    const format = convcalc.formatOf(chart, dimension);
    const named = dimension === 0 && Object.keys(ticks).length > 0;
    const formatter = named ? (number) => convcalc.measurable(ticks[String(number)] ?? "") : (number) => format.tick(number);
    axis.axisLabel = { ...axis.axisLabel, formatter };
    if (axis.name) axis.nameGap = dimension === 0 ? 26 : 44;
  });
  const below = option.xAxis.name ? 44 : 26;
  const longest = option.yAxis.max === undefined ? "" : convcalc.formatOf(chart, 1).tick(option.yAxis.max);
  const left = Math.max(option.yAxis.name ? 68 : 62, Math.ceil(longest.length * 7.4) + 12);
  const above = option.legend ? 18 + convcalc.legendHeight(option.legend, width - left) : 26;
  option.grid = { left, right: 18, top: above, bottom: below, ...option.grid };
  if (option.legend) option.legend = { top: 0, left: left - 6, right: 0, itemGap: 26, ...option.legend };
  return { animation: false, ...option, series: option.series.map(convcalc.withMarks) };
};

/** A series whose marks are called what they are called: a text with braces in it is a template to ECharts. */
convcalc.withMarks = function (series) {
  const marked = { ...series };
  for (const kind of ["markPoint", "markLine"]) {
    if (series[kind]) marked[kind] = { ...series[kind], label: { ...series[kind].label, formatter: (mark) => mark.name } };
  }
  return marked;
};

/** The theme of ECharts for colours by their names, as page.css has them. */
convcalc.chartTheme = function (colours, font) {
  const text = { color: colours.muted, fontSize: 12 };
  const axis = {
    axisLine: { show: true, lineStyle: { color: colours.line } },
    axisTick: { show: true, lineStyle: { color: colours.line } },
    axisLabel: text,
    nameTextStyle: text,
    splitLine: { lineStyle: { color: colours.line, opacity: 0.6 } },
    minorTick: { show: false },
    axisPointer: { lineStyle: { color: colours.muted }, label: { show: false } },
  };
  const mark = {
    markLine: {
      silent: true,
      lineStyle: { color: colours.warn, type: "dashed", width: 1.2 },
      label: { color: colours.warn, fontSize: 12, textBorderWidth: 0 },
    },
    markPoint: { silent: true, itemStyle: { color: colours.ink }, label: { color: colours.ink, fontSize: 12, textBorderColor: colours.paper, textBorderWidth: 3 } },
    markArea: { silent: true, itemStyle: { color: colours.accent, opacity: 0.14 } },
  };
  return {
    color: [colours.accent, colours["accent-2"], colours.muted, colours.good, colours.warn, colours.ink],
    backgroundColor: "transparent",
    textStyle: { color: colours.ink, fontFamily: font },
    categoryAxis: axis,
    valueAxis: axis,
    logAxis: axis,
    legend: { textStyle: { color: colours.ink, fontSize: 12 }, itemWidth: 16, itemHeight: 9, inactiveColor: colours.line },
    line: { ...mark, lineStyle: { width: 1.6 } },
    scatter: { ...mark, itemStyle: { opacity: 0.75, borderColor: colours.paper, borderWidth: 0.5 } },
    tooltip: {
      backgroundColor: colours.paper,
      borderColor: colours.line,
      borderWidth: 1,
      padding: [6, 9],
      textStyle: { color: colours.ink, fontSize: 13 },
      extraCssText: "box-shadow: 0 2px 8px rgb(0 0 0 / .16); max-width: 22rem; white-space: normal;",
    },
  };
};

/** The SVG of a chart, for a file. */
convcalc.plot = function (chart, width, height, colours, font) {
  const drawing = echarts.init(null, convcalc.chartTheme(colours, font), { renderer: "svg", ssr: true, width, height });
  const option = convcalc.chartOption(chart, width);
  const series = option.series.map((one) => ({ ...one, silent: true, emphasis: { disabled: true } })); // nobody points
  drawing.setOption({ ...option, series, tooltip: { show: false } });
  const svg = drawing.renderToSVGString();
  drawing.dispose();
  return svg;
};
