import type { Firsthand, Options } from "./api";
import { Client } from "./client";
import { createFacade } from "./facade";
import type { Parts } from "./parts";

export interface Connection {
  /** The API. Calls before `init` wait for it. */
  firsthand: Firsthand;
  /** Begin to record, with your project's write key. On a server it does nothing. */
  init: (key: string, options?: Partial<Options>) => void;
}

export function connect(parts: Parts, host = ""): Connection {
  const { facade, takeOver } = createFacade();
  let isConnected = false;
  return {
    firsthand: facade,
    init(key, options = {}) {
      if (isConnected || typeof window === "undefined" || !key) return;
      isConnected = true;
      try {
        takeOver(new Client(key, { host, ...options }, parts));
      } catch (error) {
        if (options.debug) console.warn("[firsthand]", error);
      }
    },
  };
}
