/** Web Vitals of one page load, as https://web.dev/vitals defines them, in one event when the page is first hidden. */

import { currentPage } from "../page";
import type { Core } from "../parts";

const SECOND = 1000;
/** The values up to which a metric is good, and above which it is poor. */
const LIMITS = {
  LCP: [2500, 4000],
  CLS: [0.1, 0.25],
  INP: [200, 500],
  FCP: [1800, 3000],
  TTFB: [800, 1800],
} as const;
const LONGEST_INTERACTIONS = 10;
const INTERACTIONS_PER_OUTLIER = 50;

type Metric = keyof typeof LIMITS;
type Shift = PerformanceEntry & { value: number; hadRecentInput: boolean };
type Interaction = PerformanceEntry & { interactionId?: number };

function observe<E extends PerformanceEntry>(type: string, each: (entry: E) => void, more = {}): () => void {
  // A browser that does not know the type does nothing, or throws.
  try {
    const observer = new PerformanceObserver((list) => (list.getEntries() as E[]).forEach(each));
    observer.observe({ type, buffered: true, ...more });
    return () => (observer.takeRecords() as E[]).forEach(each);
  } catch {
    return () => {};
  }
}

/** The largest sum of shifts with gaps below 1 s, within 5 s. */
function layoutShifts(found: (sum: number) => void): () => void {
  let [sum, first, last, largest] = [0, 0, 0, 0];
  found(0);
  return observe<Shift>("layout-shift", ({ value, hadRecentInput, startTime }) => {
    if (hadRecentInput) return;
    const isNext = startTime - last < SECOND && startTime - first < 5 * SECOND;
    if (!isNext) [sum, first] = [0, startTime];
    [sum, last] = [sum + value, startTime];
    if (sum > largest) found((largest = sum));
  });
}

/** The longest interaction, without one outlier in fifty. */
function interactions(found: (duration: number) => void): () => void {
  const longest = new Map<number, number>();
  const all = new Set<number>();
  return observe<Interaction>(
    "event",
    ({ interactionId: id, duration }) => {
      if (!id) return;
      all.add(id);
      longest.set(id, Math.max(duration, longest.get(id) ?? 0));
      const sorted = [...longest].sort(([, one], [, other]) => other - one);
      for (const [short] of sorted.slice(LONGEST_INTERACTIONS)) longest.delete(short);
      const at = Math.min(Math.floor(all.size / INTERACTIONS_PER_OUTLIER), sorted.length - 1);
      found(sorted[at]![1]);
    },
    { durationThreshold: 40 },
  );
}

function rating(found: Partial<Record<Metric, number>>): string {
  const rank = (name: Metric): number => LIMITS[name].filter((limit) => found[name]! > limit).length;
  const worst = Math.max(...(Object.keys(found) as Metric[]).map(rank));
  return ["good", "needs-improvement", "poor"][worst]!;
}

/** When a page was hidden, nobody saw how it loaded. */
function firstHidden(): number {
  const states = performance.getEntriesByType("visibility-state");
  return states.find(({ name }) => name === "hidden")?.startTime ?? Infinity;
}

export function watchVitals(core: Core): void {
  const page = currentPage();
  const found: Partial<Record<Metric, number>> = {};
  const [load] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
  // A page that was prepared in advance begins when somebody opens it.
  const start = (load as { activationStart?: number } | undefined)?.activationStart ?? 0;
  const since = (time: number): number => Math.max(time - start, 0);
  const hidden = firstHidden();
  const pending = [
    observe("paint", ({ name, startTime }) => {
      if (name === "first-contentful-paint" && startTime < hidden) found.FCP = since(startTime);
    }),
    observe("largest-contentful-paint", ({ startTime }) => {
      if (startTime < hidden) found.LCP = since(startTime);
    }),
    layoutShifts((sum) => (found.CLS = sum)),
    interactions((duration) => (found.INP = duration)),
  ];
  if (load?.responseStart) found.TTFB = since(load.responseStart);
  let isReported = false;
  core.beforeLeaving(() => {
    if (isReported) return;
    isReported = true;
    for (const read of pending) read();
    if (!Object.keys(found).length) return;
    const values = Object.entries(found).map(([name, value]) => [
      `$web_vitals_${name}_value`,
      Math.round(value * 1000) / 1000,
    ]);
    core.observe("$web_vitals", { ...Object.fromEntries(values), $web_vitals_rating: rating(found) }, { page });
  });
}
