import type { Firsthand, QueuedCall } from "./api";
import type { Client } from "./client";

const METHODS = ["identify", "track", "page", "group", "alias", "reset", "captureException", "optOut", "optIn"] as const;
const OF_THE_FORM = ["open", "attachTo", "ask", "onReply"] as const;
const MOST_QUEUED = 1000;

export interface Facade extends Firsthand {
  /** A call as a list, as pages write them before the script has loaded. */
  push(call: QueuedCall): void;
}

/** The public object. It never throws, and keeps its calls until a client takes them over. */
export function createFacade(): { facade: Facade; takeOver: (client: Client) => void } {
  let client: Client | undefined;
  const queue: QueuedCall[] = [];
  const push = (call: QueuedCall): void => {
    // On a server nobody ever takes the calls over.
    if (!client) return void (typeof window === "object" && queue.length < MOST_QUEUED && queue.push(call));
    const [name, ...given] = call;
    client.guard(() => {
      if (OF_THE_FORM.some((each) => each === name)) void client!.tell("form", ...call);
      else (client![name as (typeof METHODS)[number]] as (...given: unknown[]) => void)(...given);
    });
  };
  const facade = { push } as Facade;
  for (const name of [...METHODS, ...OF_THE_FORM]) facade[name] = (...given: unknown[]) => push([name, ...given]);
  return {
    facade,
    takeOver(found) {
      client = found;
      queue.splice(0).forEach(push);
    },
  };
}
