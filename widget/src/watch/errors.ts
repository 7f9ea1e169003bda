import { masked } from "../masks";
import type { Caught, Core, Moment } from "../parts";

const MOST_FRAMES = 50;
const MOST_CAUSES = 5;
const LONGEST_MESSAGE = 1000;
const LONGEST_LINE = 1000;
// An error in a loop or a timer would fill the queue.
const MOST_ALIKE = 3;
const MOST_ERRORS = 50;
// "at name (file:1:2)" of Chromium, "name@file:1:2" of Firefox and Safari.
const FRAME = /^(?:\s*at (?:async )?(?:(.*?) \()?|(.*?)@)(.*?):(\d+):(\d+)\)?$/;
const EXTENSION = /^(chrome|moz|safari-web|webkit-masked)-extension:/;
// Says nothing: a browser's own notice, and an error in a script of another origin.
const NOISE = /^(ResizeObserver loop|Script error\.?$)/;

interface Frame {
  platform: string;
  filename: string;
  function: string;
  lineno: number;
  colno: number;
  in_app: boolean;
}

interface Listed {
  type: string;
  value: string;
  mechanism: { type: string; handled: boolean };
  stacktrace?: { type: "raw"; frames: Frame[] };
}

/** The frames of a stack, the most recent last. */
function framesOf(stack: unknown): Frame[] {
  const lines = `${stack ?? ""}`.split("\n", MOST_FRAMES + 1);
  return lines.flatMap((line) => frameOf(line.slice(0, LONGEST_LINE))).slice(0, MOST_FRAMES).reverse();
}

function frameOf(line: string): Frame[] {
  const [, chromium, other, file = "", lineno, colno] = FRAME.exec(line) ?? [];
  if (!lineno) return [];
  return [
    {
      platform: "web:javascript",
      // Without the query, which may hold a token.
      filename: file.split(/[?#]/)[0]!,
      function: chromium || other || "?",
      lineno: +lineno,
      colno: +colno!,
      in_app: /^https?:/.test(file),
    },
  ];
}

function described(thrown: unknown, handled: boolean, type: string): Listed {
  const mechanism = { type, handled };
  if (thrown instanceof Error || thrown instanceof DOMException) {
    const frames = framesOf(thrown.stack);
    const found = { type: thrown.name || "Error", value: shortened(thrown.message), mechanism };
    return frames.length ? { ...found, stacktrace: { type: "raw", frames } } : found;
  }
  return { type: "Error", value: shortened(asText(thrown)), mechanism };
}

const shortened = (text: unknown): string => masked(`${text ?? ""}`.slice(0, LONGEST_MESSAGE));

function asText(thrown: unknown): string {
  if (typeof thrown !== "object" || thrown === null) return String(thrown);
  if (thrown instanceof Event) return `an event of type ${thrown.type}`;
  // Not its contents, which may be a person's.
  return `an object with ${Object.keys(thrown).slice(0, 10).join(", ") || "nothing"}`;
}

/** The error and its causes. */
function listed({ type, error, reason, message }: Caught): Listed[] {
  const found: Listed[] = [];
  let thrown: unknown = error ?? reason ?? message;
  while (found.length <= MOST_CAUSES) {
    found.push(described(thrown, type === "handled", type));
    if (!(thrown instanceof Error) || thrown.cause === undefined) break;
    thrown = thrown.cause;
  }
  return found;
}

export function errorReporter(core: Core): (found: Caught, moment: Moment) => void {
  const seen = new WeakSet<object>();
  const counts = new Map<string, number>();
  let reported = 0;
  const isNew = (thrown: unknown): boolean => {
    if (typeof thrown !== "object" || thrown === null) return true;
    // Code that handles an error often throws it again.
    return !seen.has(thrown) && Boolean(seen.add(thrown));
  };
  return (found, moment) => {
    const [first, ...causes] = listed(found);
    const frames = first!.stacktrace?.frames;
    if (NOISE.test(first!.value) || frames?.every(({ filename }) => EXTENSION.test(filename))) return;
    if (!isNew(found.error ?? found.reason)) return;
    const { filename, lineno, colno } = frames?.at(-1) ?? {};
    const kind = JSON.stringify([first!.type, first!.value, filename, lineno, colno]);
    const alike = (counts.get(kind) ?? 0) + 1;
    if (alike > MOST_ALIKE || reported >= MOST_ERRORS) return;
    counts.set(kind, alike);
    reported++;
    const properties = {
      $exception_list: [first!, ...causes],
      $exception_type: first!.type,
      $exception_message: first!.value,
      $exception_level: "error",
    };
    core.observe("$exception", properties, moment);
  };
}
