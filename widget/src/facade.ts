import type { Firsthand, Method, QueuedCall } from "./api";
import type { Client } from "./client";

const METHODS: Method[] = [
  "identify", "track", "page", "group", "alias", "reset", "captureException", "optOut", "optIn", "open", "attachTo",
  "ask", "onReply",
];
const MOST_QUEUED = 1000;

export interface Facade extends Firsthand {
  /** A call as a list, as pages write them before the script has loaded. */
  push(call: QueuedCall): void;
}

/** The public object. It never throws, and keeps its calls until a client takes them over. */
export function createFacade(): { facade: Facade; takeOver: (client: Client) => void } {
  let client: Client | undefined;
  const queue: QueuedCall[] = [];
  const push = ([name, ...given]: QueuedCall): void => {
    if (client) client.guard(() => (client![name] as (...given: unknown[]) => void)(...given));
    // On a server nobody ever takes the calls over.
    else if (typeof window !== "undefined" && queue.length < MOST_QUEUED) queue.push([name, ...given]);
  };
  const facade = { push } as Facade;
  for (const name of METHODS) facade[name] = (...given: unknown[]) => push([name, ...given]);
  return {
    facade,
    takeOver(found) {
      client = found;
      queue.splice(0).forEach(push);
    },
  };
}
