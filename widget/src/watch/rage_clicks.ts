import type { PressedElement } from "../elements";
import type { Core } from "../parts";

const CLICKS = 3;
const WITHIN = 1000; // milliseconds
const RADIUS = 30; // pixels

/** Report several clicks in one place, once. */
export function watchRageClicks(core: Core): (event: MouseEvent, described: PressedElement) => void {
  let clicks: MouseEvent[] = [];
  return (event, described) => {
    const isNear = ({ timeStamp, clientX, clientY }: MouseEvent): boolean =>
      event.timeStamp - timeStamp < WITHIN && Math.hypot(event.clientX - clientX, event.clientY - clientY) < RADIUS;
    clicks = [...clicks.filter(isNear), event];
    if (clicks.length === CLICKS) core.observe("$rageclick", { ...described });
  };
}
