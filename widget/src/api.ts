/** The public interface. docs/embed.md describes it. */

export type Properties = Record<string, unknown>;

/** A comment's thread that has a new message from the team. */
export interface Reply {
  thread: string;
  text: string;
  from: string;
}

export interface Firsthand {
  identify(id: string, traits?: Properties, options?: { token?: string }): void;
  track(name: string, properties?: Properties): void;
  page(properties?: Properties): void;
  group(id: string, traits?: Properties): void;
  alias(id: string): void;
  reset(): void;
  /** Record an error that your code has handled, for example in an error boundary. */
  captureException(error: unknown): void;
  optOut(): void;
  optIn(): void;
  open(): void;
  attachTo(element: Element): void;
  ask(question: string): void;
  onReply(listener: (reply: Reply) => void): void;
}

export interface Options {
  /** The address of your installation, or of a proxy in front of it. */
  host: string;
  /** "required": record nothing before `optIn()`. */
  consent?: "required";
  /** "memory": keep nothing on the device. Each page load is a new person until `identify()`. */
  storage?: "memory";
  /** Record clicks and submitted forms. */
  autocapture?: boolean;
  /** Record page views, also of single-page applications. */
  pageviews?: boolean;
  /** Record uncaught errors and rejected promises. */
  errors?: boolean;
  /** Record how fast pages load. */
  vitals?: boolean;
  /** Write what goes wrong to the console. */
  debug?: boolean;
}

export type Method = keyof Firsthand;
export type QueuedCall = [name: Method, ...given: unknown[]];
