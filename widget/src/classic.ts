/** fh.js: configured by the attributes of its tag. */

import type { Options, QueuedCall } from "./api";
import { Client } from "./client";
import { createFacade, type Facade } from "./facade";
import { partsBeside } from "./urls";

declare global {
  interface Window {
    firsthand?: Facade | QueuedCall[];
  }
}

function optionsOf({ src, dataset }: HTMLScriptElement): Options {
  const options: Record<string, unknown> = { host: new URL(".", src).href };
  for (const name of Object.keys(dataset))
    options[name] = dataset[name] === "off" ? false : dataset[name] === "" || dataset[name] === "on" || dataset[name];
  return options as unknown as Options;
}

const script = (document.currentScript ?? document.querySelector("script[data-key][src*='fh.js']")) as HTMLScriptElement;
const queue = window.firsthand;
// A second tag on the page does nothing.
if (script?.dataset.key && (!queue || Array.isArray(queue))) {
  const { facade, takeOver } = createFacade();
  window.firsthand = facade;
  try {
    takeOver(new Client(script.dataset.key, optionsOf(script), partsBeside(script.src)));
  } catch {}
  for (const call of queue ?? []) facade.push(call);
}
