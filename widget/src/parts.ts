/**
 * The parts that are loaded after the core, and what core and parts know of each other.
 *
 * A tab that was opened before an upgrade loads the new part into the old core, so these interfaces may only grow.
 */

import type { Firsthand, Options, Properties } from "./api";
import type { PressedElement } from "./elements";
import type { Page } from "./page";

/** When and where something happened, if not here and now. */
export interface Moment {
  timestamp?: Date;
  page?: Page;
}

/** What the core gives to a part. */
export interface Core {
  readonly key: string;
  /** The address that paths are relative to, with a slash at its end. */
  readonly host: string;
  readonly options: Options;
  /** Who this browser belongs to. `token` proves `userId`, and is "" without one. */
  identity(): { anonymousId: string; userId: string | undefined; token: string };
  /** Record an event that nobody caused by acting: it neither begins nor extends a session. */
  observe(event: string, properties: Properties, moment?: Moment): void;
  /** Run before the last events of a page are sent. It may run several times. */
  beforeLeaving(work: () => void): void;
  debug(...words: unknown[]): void;
}

/** An uncaught error, a rejected promise, or an error that the page has handled. */
export interface Caught {
  type: string;
  error?: unknown;
  message?: string;
  reason?: unknown;
}

/** Errors with stack frames, Web Vitals, rage and dead clicks. */
export interface Watch {
  /** The page is idle. */
  begin(): void;
  caught(found: Caught, moment: Moment): void;
  pressed(event: MouseEvent, element: Element, described: PressedElement): void;
}

/** The feedback form, threads, prompts and pictures: everything that a person sees. */
export type Form = Pick<Firsthand, "open" | "attachTo" | "ask" | "onReply">;

export interface Part<Interface> {
  /** Called once. Its methods are then called in the order in which the page did what they are about. */
  start(core: Core): Interface;
}

/** How to load each part. An entry point provides them, because a script and a package load differently. */
export interface Parts {
  watch: () => Promise<Part<Watch>>;
  form?: () => Promise<Part<Form>>;
}

export type PartName = keyof Parts;
