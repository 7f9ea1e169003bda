import type { Core, Watch } from "../parts";
import { watchDeadClicks } from "./dead_clicks";
import { errorReporter } from "./errors";
import { watchVitals } from "./vitals";

export function start(core: Core): Watch {
  if (core.options.vitals ?? true) watchVitals(core);
  return { caught: errorReporter(core), pressed: watchDeadClicks(core) };
}
