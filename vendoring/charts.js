// The parts of ECharts that the pictures use: the global `echarts` has what is exported here, and nothing else.
// After a change run vendor.py, which bundles this file.

import { format, init, setPlatformAPI, use } from 'echarts/core';
import { LineChart, ScatterChart } from 'echarts/charts';
import {
  AriaComponent,
  DataZoomInsideComponent,
  GridComponent,
  LegendPlainComponent,
  MarkAreaComponent,
  MarkLineComponent,
  MarkPointComponent,
  TooltipComponent,
} from 'echarts/components';
import { SVGRenderer } from 'echarts/renderers';

use([
  LineChart,
  ScatterChart,
  AriaComponent,
  DataZoomInsideComponent,
  GridComponent,
  LegendPlainComponent,
  MarkAreaComponent,
  MarkLineComponent,
  MarkPointComponent,
  TooltipComponent,
  SVGRenderer,
]);

// A tooltip's formatter writes HTML: what it puts in goes through encodeHTML.
export const encodeHTML = format.encodeHTML;
export { init, setPlatformAPI };
