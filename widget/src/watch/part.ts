import type { Core, Watch } from "../parts";
import { watchDeadClicks } from "./dead_clicks";
import { errorReporter } from "./errors";
import { watchRageClicks } from "./rage_clicks";
import { watchVitals } from "./vitals";

export function start(core: Core): Watch {
  if (core.options.vitals ?? true) watchVitals(core);
  const isRage = watchRageClicks(core);
  const isDead = watchDeadClicks(core);
  return {
    begin() {},
    caught: errorReporter(core),
    pressed(event, element, described) {
      isRage(event, described);
      isDead(event, element, described);
    },
  };
}
